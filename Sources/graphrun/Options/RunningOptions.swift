import ArgumentParser
import Graph
import GraphRuntime

/// What `run` and `resume` share.
struct RunningOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Super-steps allowed; else as the graph says.", valueName: "n"))
  var maxSteps: Int?

  @Option(help: ArgumentHelp("Stop once this node has finished.", valueName: "node"))
  var until: NodeName?

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
    options.approveAll = yes
    options.streams = stream?.modes ?? []
    if let grace { options.grace = grace.duration }
    return options
  }
}
