import Foundation
import GraphKit

/// `swift run examples NAME`: runs one of the examples with the store in ./state.
@main
struct Main {
  static func main() async throws {
    let environment = ProcessInfo.processInfo.environment
    let (model, url) = (environment["MODEL"] ?? "llama3.1", environment["OLLAMA_URL"] ?? "http://127.0.0.1:11434")
    let store = Store.sqlite("state")
    switch CommandLine.arguments.dropFirst().first {
    case "counter": print(try await Counter.run(store))
    case "chat": _ = try await Chat.run(store, model: model, url: url, saying: ["My name is Bea.", "What is my name?"])
    case "map-reduce":
      print(
        try await MapReduce.run(store, [.init(title: "a", text: "to be or not"), .init(title: "b", text: "to be")]))
    case "approval": try await approve(Approval.run(store) { print("sent: \($0)") })
    case "agent": print(try await Agent.run(store, model: model, url: url, asking: "What is the weather in Rome?"))
    default: print("usage: swift run examples counter|chat|map-reduce|approval|agent")
    }
  }

  /// Asks on the terminal until the thread waits no longer; what is left open is asked by the next run.
  private static func approve(_ runner: Runner) async throws {
    let known = try await runner.threads().contains { $0.id == "letter" && $0.status != .done }
    var end = try await (known ? runner.resume("letter") : runner.start(thread: "letter")).end
    while let open = end.interrupts.first {
      print(open.question.prompt, terminator: "\n> ")
      guard let line = readLine() else { return }
      end = try await runner.answer("letter", line).end
    }
  }
}
