/// The runner's side: which programs the helper has, and what to do when it dies.
struct JQClient: ~Copyable {
  static let evaluationTime: Duration = .seconds(2)
  static let compilationTime: Duration = .seconds(10)

  /// Programs kept compiled; each costs the helper about a megabyte.
  static let maxPrograms = 48

  private struct Program {
    var expressions: [Expression]
    /// False when the helper that had it died.
    var isLoaded: Bool
    var lastUse: Int
  }

  private struct Place {
    var program: UInt32
    var index: Int
  }

  private var helper: JQHelper?
  private var programs: [UInt32: Program] = [:]
  private var places: [Expression: Place] = [:]
  private var nextNumber: UInt32 = 1
  private var clock = 0

  // MARK: Checking

  mutating func check(_ expressions: [Expression]) throws(JQError) -> [Expression: ExpressionError] {
    var seen: Set<Expression> = []
    let unknown = expressions.filter { places[$0] == nil && seen.insert($0).inserted }
    var mistakes: [Expression: ExpressionError] = [:]
    for batch in JQProgram.batches(unknown) {
      mistakes.merge(try check(batch: batch[...]), uniquingKeysWith: { first, _ in first })
    }
    return mistakes
  }

  /// Compiles `batch` as one program, or its halves where that fails, to find whose fault it is.
  private mutating func check(batch: ArraySlice<Expression>) throws(JQError) -> [Expression: ExpressionError] {
    guard let first = batch.first else { return [:] }
    do throws(Mistake) {
      try add(Array(batch))
      return [:]
    } catch {
      if case .absent(let error) = error { throw error }
      if batch.count == 1 { return [first: self.error(error, of: first)] }
    }
    let middle = batch.startIndex + batch.count / 2
    let left = try check(batch: batch[..<middle])
    return left.merging(try check(batch: batch[middle...]), uniquingKeysWith: { first, _ in first })
  }

  // MARK: Evaluating

  mutating func evaluate(_ expression: Expression, _ input: JQInput, all: Bool) throws(ExpressionError) -> [JSON] {
    do throws(Mistake) {
      if places[expression] == nil { try add([expression]) }
      guard let place = places[expression] else { preconditionFailure("an added expression has its place") }
      let reply = try evaluate(place, input, all: all)
      return try values(reply)
    } catch {
      throw self.error(error, of: expression)
    }
  }

  private mutating func evaluate(_ place: Place, _ input: JQInput, all: Bool) throws(Mistake) -> [UInt8] {
    try startHelper()
    if programs[place.program]?.isLoaded == false { try load(place.program) }
    clock += 1
    programs[place.program]?.lastUse = clock
    // Of two values that are one too many there may be no end; a program that is left in the middle may crash jq.
    let body = input.text(index: place.index, atMost: all ? 1 << 53 : 2)
    guard body.count <= JQFrame.maxBytes else { throw .limit("reads more than \(JQFrame.maxBytes >> 20) MiB") }
    return try ask(.evaluate, place.program, body, within: Self.evaluationTime)
  }

  private func values(_ bytes: [UInt8]) throws(Mistake) -> [JSON] {
    do {
      return try JSON(parsing: bytes).arrayValue ?? []
    } catch {
      throw .failed("gives what is no JSON value: \(error.message)")
    }
  }

  // MARK: Programs

  private mutating func add(_ expressions: [Expression]) throws(Mistake) {
    try startHelper()
    let number = nextNumber
    nextNumber += 1
    clock += 1
    programs[number] = Program(expressions: expressions, isLoaded: false, lastUse: clock)
    do throws(Mistake) {
      try load(number)
    } catch {
      programs[number] = nil
      throw error
    }
    for (index, expression) in expressions.enumerated() { places[expression] = Place(program: number, index: index) }
    if programs.count > Self.maxPrograms { try? forgetOldest() }
  }

  private mutating func load(_ number: UInt32) throws(Mistake) {
    guard let program = programs[number] else { preconditionFailure("no program \(number)") }
    let text = Array(JQProgram.text(of: program.expressions).utf8)
    do throws(Mistake) {
      _ = try ask(.compile, number, text, within: Self.compilationTime)
    } catch {
      if case .failed(let message) = error { throw .syntax(message) }
      throw error
    }
    programs[number]?.isLoaded = true
  }

  private mutating func forgetOldest() throws(Mistake) {
    guard let oldest = programs.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return }
    programs[oldest.key] = nil
    for expression in oldest.value.expressions { places[expression] = nil }
    if oldest.value.isLoaded { _ = try ask(.forget, oldest.key, [], within: Self.evaluationTime) }
  }

  // MARK: The helper

  private enum Mistake: Error {
    case absent(JQError)
    case syntax(String)
    case failed(String)
    case limit(String)
  }

  private mutating func startHelper() throws(Mistake) {
    if let isAlive = helper?.isAlive {
      if isAlive { return }
      endHelper()
    }
    do throws(JQHelper.Failure) {
      helper = try JQHelper()
    } catch {
      if case .absent(let message) = error { throw .absent(JQError(message: message)) }
      throw .absent(JQError(message: "it ended at once"))
    }
  }

  mutating func endHelper() {
    helper = nil
    for number in programs.keys { programs[number]?.isLoaded = false }
  }

  private mutating func ask(
    _ kind: JQFrame.Request, _ number: UInt32, _ body: [UInt8], within time: Duration
  ) throws(Mistake) -> [UInt8] {
    let request = JQFrame(kind: kind.rawValue, number: number, body: body)
    let reply: JQFrame
    do throws(JQHelper.Failure) {
      reply = try askHelper(request, within: time)
    } catch {
      endHelper()
      switch error {
      case .late: throw .limit("stopped after \(time.components.seconds) s")
      case .dead: throw .limit("stopped: more than \(JQServer.memoryBytes >> 20) MiB of memory, or jq failed")
      case .absent(let message): throw .absent(JQError(message: message))
      }
    }
    switch JQFrame.Reply(rawValue: reply.kind) {
    case .done: return reply.body
    case .tooLarge: throw .limit("gives more than fits a value")
    case .failed, nil: throw .failed(String(decoding: reply.body, as: UTF8.self))
    }
  }

  private func askHelper(_ request: JQFrame, within time: Duration) throws(JQHelper.Failure) -> JQFrame {
    guard let reply = try helper?.ask(request, within: time) else { throw .dead }
    return reply
  }

  private func error(_ mistake: Mistake, of expression: Expression) -> ExpressionError {
    let reason: ExpressionError.Reason =
      switch mistake {
      case .absent(let error): .failed(error.description)
      case .syntax(let message): .syntax(JQProgram.cleaned(message, for: expression), offset: nil)
      case .failed(let message): .failed(message.replacing(" with string \"", with: " with \""))
      case .limit(let message): .limit(message)
      }
    return ExpressionError(reason, source: expression.source)
  }
}
