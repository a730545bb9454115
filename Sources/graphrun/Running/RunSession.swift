import Foundation
import Graph
import GraphNodes
import GraphRuntime
import Synchronization

/// One run of a thread from the command line: signals, what is shown, questions asked in place, and how it ends.
final class RunSession: Sendable {
  private let global: GlobalOptions
  private let runner: Engine
  private let graph: StateGraph
  private let thread: ThreadID
  private let options: RunOptions
  private let stop = StopControl()
  private let printer: any EventPrinter
  private let progress = Mutex(Progress())

  private struct Progress {
    var tasks = 0
    var hasEnd = false
    var isRunning = true
    var hasBegun = false
  }

  init(_ global: GlobalOptions, runner: Engine, graph: StateGraph, thread: ThreadID, options: RunOptions) {
    self.global = global
    self.runner = runner
    self.graph = graph
    self.thread = thread
    var options = options
    if ProcessInfo.processInfo.environment[Orphans.runVariable] != nil {
      // The run that this one is a step of ends it five seconds after it asked.
      options.grace = min(options.grace, .seconds(2))
    }
    self.options = options
    let detail: Detail = global.quiet ? .quiet : global.verbose ? .verbose : .normal
    if global.json {
      printer = JSONPrinter()
    } else if Terminal.isLive, options.streams.isEmpty {
      printer = LivePrinter(detail: detail, style: Terminal.style(noColor: global.noColor))
    } else {
      printer = PlainPrinter(detail: detail)
    }
  }

  /// How a run of the thread is begun.
  typealias Begin = @Sendable (RunOptions, StopControl, @escaping Engine.Observer) async throws -> RunEnd

  /// Runs to the end, asking what can be asked here.
  ///
  /// - Throws: the ``ExitStatus`` when it is another than done.
  func run(_ begin: Begin) async throws {
    SignalWatch.begin { [self] in take($0) }
    Sink.output.onClose { [stop] in stop.request(signal: SIGHUP) }
    let start = ContinuousClock.now
    var end = try await begun { try await begin(options, stop, observe) }
    while end.status == .waiting, stop.level == .none, !global.json, Terminal.canAsk {
      progress.withLock { $0.isRunning = false }
      let answers = await Questioner(style: Terminal.style(noColor: global.noColor), stop: stop).ask(end.interrupts)
      guard !answers.isEmpty else { break }
      progress.withLock { $0.isRunning = true }
      end = try await begun {
        try await runner.resume(thread, graph: graph, answers: answers, options: options, stop: stop, observe: observe)
      }
    }
    if global.json {
      if !progress.withLock(\.hasEnd) { printer.show(RunEvent(thread: thread, time: .now, kind: .runEnd(end))) }
    } else {
      sayWhich()
      let seconds = (ContinuousClock.now - start).seconds
      RunReport(
        global: global, graph: graph, thread: thread, end: end, seconds: seconds, tasks: progress.withLock(\.tasks)
      ).show()
    }
    let status = ExitStatus(of: end)
    if status != .done { throw status }
  }

  private func begun(_ body: () async throws -> RunEnd) async throws -> RunEnd {
    defer { printer.flush() }
    return try await body()
  }

  /// Names the thread once, when it is known not to be refused.
  private func sayWhich() {
    let isFirst = progress.withLock { progress in
      defer { progress.hasBegun = true }
      return !progress.hasBegun
    }
    guard isFirst, !global.json, !global.quiet else { return }
    Sink.output.line("thread \(thread) of \(SafeText.line(graph.name))")
  }

  private func observe(_ event: RunEvent) {
    sayWhich()
    progress.withLock { progress in
      if case .taskEnd(_, _, _, let status, _, _) = event.kind, status != .waiting { progress.tasks += 1 }
      if case .runEnd = event.kind { progress.hasEnd = true }
    }
    if options.streams.isEmpty || event.mode.map(options.streams.contains) ?? true { printer.show(event) }
  }

  private func take(_ signal: Int32) {
    if signal == SIGWINCH { return printer.resize() }
    stop.request(signal: signal)
    if signal == SIGQUIT { stop.request(signal: signal) }
    guard progress.withLock(\.isRunning) else { return }
    if stop.level == .gentle {
      let grace = spoken(options.grace.seconds)
      printer.say("stopping: running tasks may end within \(grace); again (Ctrl-C) ends them now")
    } else {
      printer.say("stopping now")
    }
  }
}
