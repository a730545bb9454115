import ArgumentParser
import Foundation
import Graph
import GraphRuntime

@main struct Main {
  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    Hardening.begin()
    Heap.returnLargeBuffers()
    if arguments.first == JQ.helperArgument { exit(JQ.serve()) }
    guard !Hardening.isLent else {
      Sink.error.line("graphrun: it must not run set-uid or set-gid; take the bit away with chmod ug-s")
      exit(ExitStatus.usage.rawValue)
    }
    exit(await status(of: GlobalOptions.afterCommand(arguments)).rawValue)
  }

  private static func status(of arguments: [String]) async -> ExitStatus {
    do {
      if let mistake = TypingMistake.command(in: arguments) { throw mistake }
      var command = try await Graphrun.asyncParseAsRoot(arguments.isEmpty ? ["--help"] : arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      if let failure = Sink.output.failure { throw failure }
      return .done
    } catch {
      return report(error, arguments)
    }
  }

  private static func report(_ error: any Error, _ arguments: [String]) -> ExitStatus {
    if let status = error as? ExitStatus { return status }
    if let status = ExitStatus(of: error) {
      Sink.error.line("graphrun: " + SafeText.lines("\(error)"))
      return status
    }
    let isAsked = Graphrun.exitCode(for: error) == .success
    let told = Graphrun.fullMessage(for: error)
    let message = isAsked ? Completions.script(for: arguments, told) ?? told : TypingMistake.explained(told)
    if !message.isEmpty { (isAsked ? Sink.output : Sink.error).line(message) }
    return isAsked ? .done : .usage
  }
}
