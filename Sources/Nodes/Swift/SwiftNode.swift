public import Graph
public import GraphRuntime
import OrderedCollections

/// What a node made in Swift does.
public struct SwiftBody: Sendable {
  public typealias Run = @Sendable (TaskContext) async throws -> NodeResult

  var run: Run

  /// Asks the world whether the effect is there already.
  var check: (@Sendable (TaskContext) async throws -> Bool)?

  public init(run: @escaping Run, check: (@Sendable (TaskContext) async throws -> Bool)? = nil) {
    self.run = run
    self.check = check
  }

  /// The same with `check`.
  public func checked(_ check: @escaping @Sendable (TaskContext) async throws -> Bool) -> SwiftBody {
    SwiftBody(run: run, check: check)
  }
}

extension NodeCode {
  /// The code as this module runs it.
  public var swift: SwiftBody? { body as? SwiftBody }
}

/// Runs the Swift code of a node.
///
/// Without a word on its effects it runs again after a crash or a timeout, as code that only computes may.
public struct SwiftNode: NodeKind {
  public static let kind = "swift"

  public var name: String { Self.kind }

  public init() {}

  public func effectClass(of node: Node) -> EffectClass {
    if node.code?.swift?.check != nil { return .check }
    switch node.effects {
    case .once: return .once
    case .repeatable: return .repeatable
    case nil: return .pure
    }
  }

  public func run(_ task: TaskContext) async throws -> NodeResult {
    guard let body = task.node.code?.swift else { throw Self.unknown(task.node) }
    do {
      return try await body.run(task)
    } catch let failure as NodeFailure {
      throw failure
    } catch is CancellationError {
      throw CancellationError()
    } catch let error as Interruption {
      return .ask([error.prompt])
    } catch {
      throw NodeFailure(.swift, "\(error)")
    }
  }

  public func check(_ task: TaskContext) async throws -> Bool? { try await task.node.code?.swift?.check?(task) }

  private static func unknown(_ node: Node) -> NodeFailure {
    let function =
      node.fields["function"].map { ", the function \($0.constant ?? "") of the program it was made for," } ?? ""
    return NodeFailure(
      .refused, "\(node.name) is Swift code\(function) that is not here; run the graph in its own program",
      precedesEffect: true, isPermanent: true)
  }
}

/// How code leaves a node to ask a person: see `TaskContext.interrupt`.
public struct Interruption: Error, Sendable {
  public var prompt: Prompt

  public init(_ prompt: Prompt) {
    self.prompt = prompt
  }
}

extension Field {
  fileprivate var constant: String? {
    guard case .literal(let value) = self else { return nil }
    return value.stringValue
  }
}
