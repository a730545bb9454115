import ArgumentParser
import Graph
import GraphRuntime

/// What `run` and `resume` share.
struct RunningOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Super-steps allowed; else as the graph says.", valueName: "n"))
  var maxSteps: Int?

  @Option(help: ArgumentHelp("Stop once this node has finished.", valueName: "node"))
  var until: NodeName?

  @Option(help: ArgumentHelp("Stop before this node runs; may be repeated.", valueName: "node"))
  var breakBefore: [NodeName] = []

  @Option(help: ArgumentHelp("Stop after this node has finished; may be repeated.", valueName: "node"))
  var breakAfter: [NodeName] = []

  @Flag(help: "Approve every step that asks for approval.")
  var yes = false

  @Option(help: ArgumentHelp("How long running tasks may go on after Ctrl-C (10s).", valueName: "time"))
  var grace: TypedDuration?

  @Option(
    help: ArgumentHelp(
      "What is told: values, updates, custom, tokens, output, tasks, checkpoints; without it all but the first two.",
      valueName: "modes"))
  var stream: StreamModes?

  func validate() throws {
    if let maxSteps, maxSteps < 1 { throw ValidationError("--max-steps must be at least 1") }
  }

  var runOptions: RunOptions {
    var options = RunOptions()
    options.maxSteps = maxSteps
    options.until = until
    options.breakBefore = Set(breakBefore)
    options.breakAfter = Set(breakAfter)
    options.approveAll = yes
    options.streams = stream?.modes ?? []
    if let grace { options.grace = grace.duration }
    return options
  }
}
