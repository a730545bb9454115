import ArgumentParser

/// The command line as a whole.
struct Graphrun: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "graphrun",
    abstract: "Runs agent work as durable state graphs.",
    usage: """
      graphrun <file> [<options>]
      graphrun <subcommand> ...
      """,
    discussion: """
      A graph is a file; a run of it lives in a thread; every super-step of a thread is a checkpoint on disk. Kill it \
      anywhere, resume it, look back at any step, fork from there.

        graphrun review.graph --input topic=bees   start a thread
        graphrun resume                            go on where it stopped
        graphrun history THREAD                    see it step by step
        graphrun show THREAD@3                     the state at checkpoint 3

      Exit codes: 0 done, 1 a node failed, 2 usage or invalid graph, 3 waiting for an answer, 4 another runner has the \
      thread, 5 the store is unusable, 129/130/131/143 stopped by a signal and resumable.

      Completions: graphrun --generate-completion-script bash|zsh|fish
      """,
    version: version,
    groupedSubcommands: [
      CommandGroup(name: "Run", subcommands: [Run.self, Resume.self, Stop.self]),
      CommandGroup(
        name: "Look", subcommands: [Threads.self, History.self, Show.self, Log.self, Diff.self]),
      CommandGroup(name: "Change", subcommands: [Fork.self, SetValues.self]),
      CommandGroup(name: "Author", subcommands: [New.self, Validate.self, Rehearse.self, Draw.self, Schema.self]),
      CommandGroup(
        name: "Keep house",
        subcommands: [
          Delete.self, Prune.self, Cache.self, Export.self, Import.self, Examine.self, ListTools.self, CallTool.self,
        ]),
    ],
    defaultSubcommand: Run.self)
}
