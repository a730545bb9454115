import Foundation
import Graph
import GraphRuntime
import OrderedCollections
import Testing

@testable import GraphNodes

@Suite("Shell")
struct ShellTests {
  let bench = Bench()
  let shell = ShellNode()

  @Test func `a script's streams, exit code and time are the result`() async throws {
    let result = try await shell.result(bench.task("shell", [("run", "echo out; echo err >&2")]))
    #expect(result["exit"] == 0)
    #expect(result["stdout"] == "out\n")
    #expect(result["stderr"] == "err\n")
    #expect(result["seconds"]?.doubleValue != nil)
    #expect(result["truncated"] == nil)
    #expect(bench.printed.contains("out\n") && bench.printed.contains("err\n"))
  }

  @Test func `a shell's error names the node and the script's line`() async throws {
    let failure = try await shell.failure(bench.task("shell", [("run", "true\ntrue\nno-such-thing\n")]))
    #expect(failure.kind == .exit && failure.exitCode == 127 && !failure.precedesEffect)
    #expect(failure.message.hasPrefix("exit code 127: n: 3: no-such-thing: not found"), "\(failure.message)")
  }

  @Test func `a program that is not there is a failure before any effect`() async throws {
    let failure = try await shell.failure(bench.task("shell", [("argv", .literal(["no-such-thing"]))]))
    #expect(failure.kind == .spawn && failure.precedesEffect)
    let folder = try await shell.failure(bench.task("shell", [("run", "true"), ("dir", "/no/such")]))
    #expect(folder.kind == .spawn && folder.message.contains("/no/such"))
  }

  @Test func `scripts stop at the first failure and at unset variables`() async throws {
    #expect(try await shell.failure(bench.task("shell", [("run", "false; echo no")])).exitCode == 1)
    let unset = try await shell.failure(bench.task("shell", [("run", "echo $NOT_SET_AT_ALL")]))
    #expect(unset.message.contains("NOT_SET_AT_ALL"))
  }

  @Test func `a signal is not an exit code`() async throws {
    let killed = try await shell.failure(bench.task("shell", [("run", "kill -9 $$")]))
    #expect(killed.kind == .signal && killed.message.contains("SIGKILL"))
    #expect(killed.result?["signal"] == 9 && killed.result?["exit"] == nil)
    let code = try await shell.failure(bench.task("shell", [("run", "exit 137")]))
    #expect(code.kind == .exit && code.exitCode == 137)
  }

  @Test func `exit codes that are ok are results`() async throws {
    let result = try await shell.result(bench.task("shell", [("run", "exit 3"), ("ok", .literal([0, 3]))]))
    #expect(result["exit"] == 3)
  }

  @Test func `arguments arrive as they are`() async throws {
    let script = "import json, sys; print(json.dumps(sys.argv[1:]))"
    let argv: JSON = ["python3", "-c", .string(script), "a b", "$(id)", 42, ["x": 1], "--help", "ü"]
    let result = try await shell.result(bench.task("shell", [("argv", .literal(argv)), ("parse", "json")]))
    #expect(result["json"] == ["a b", "$(id)", "42", "{\"x\":1}", "--help", "ü"])
  }

  @Test func `NUL is refused by key`() async throws {
    for (fields, key) in [
      ([("argv", Field.literal(["echo", "a\0b"]))], "argv[1]"), ([("run", Field.literal("echo \0"))], "run"),
      ([("run", Field.literal("true")), ("env", .literal(["A": "x\0"]))], "env.A"),
    ] {
      let failure = try await shell.failure(bench.task("shell", fields))
      #expect(failure.message.hasPrefix("\(key):"), "\(failure.message)")
    }
  }

  @Test func `inserted values are quoted`() async throws {
    let template = try Template(parsing: "echo ${{ .x }}")
    let scope = Scope(state: ["x": "$(touch ./pwned) `id`; 'rm' -rf ~"])
    let result = try await shell.result(bench.task("shell", [("run", .template(template))], scope: scope))
    #expect(result["stdout"] == "$(touch ./pwned) `id`; 'rm' -rf ~\n")
  }

  @Test func `env adds to the run's, null takes away`() async throws {
    let env: Field = .literal(["ADDED": "1", "GIVEN": .null, "N": 2])
    let task = bench.task(
      "shell", [("run", "echo ${ADDED-no} ${GIVEN-no} ${KEPT-no} $N"), ("env", env)],
      environment: ["GIVEN": "yes", "KEPT": "kept", "1bad": "x"])
    #expect(try await shell.result(task)["stdout"] == "1 no kept 2\n")
  }

  @Test(arguments: ["A=B", "1A", "", "A-B", "GRAPHRUN_RUN", "f()"])
  func `bad names of variables are refused`(name: String) async throws {
    let env = Field.literal(.object([name: "x"]))
    #expect(try await shell.failure(bench.task("shell", [("run", "true"), ("env", env)])).kind == .type)
  }

  @Test func `a computed value cannot choose what code runs`() async throws {
    let env = Field.map(["LD_PRELOAD": .expression(try Expression(".x"))])
    let task = bench.task("shell", [("run", "true"), ("env", env)], scope: Scope(state: ["x": "/tmp/x.so"]))
    #expect(try await shell.failure(task).message.contains("LD_PRELOAD"))
  }

  @Test func `standard input is what is given, else nothing`() async throws {
    #expect(try await shell.result(bench.task("shell", [("run", "cat; echo end")]))["stdout"] == "end\n")
    let big = String(repeating: "line\n", count: 400_000)
    let fed = bench.task("shell", [("run", "wc -c"), ("stdin", .literal(.string(big)))])
    #expect(try await shell.result(fed)["stdout"] == "2000000\n")
    let unread = bench.task("shell", [("run", "true"), ("stdin", .literal(.string(big)))])
    #expect(try await shell.result(unread)["exit"] == 0)
    let value = bench.task("shell", [("run", "cat"), ("stdin", .literal(["a": 1])), ("parse", "json")])
    #expect(try await shell.result(value)["json"] == ["a": 1])
  }

  @Test func `output is parsed as told`() async throws {
    func parse(_ script: String, _ format: String) -> TaskContext {
      bench.task("shell", [("run", .literal(.string(script))), ("parse", .literal(.string(format)))])
    }
    #expect(try await shell.result(parse("printf 'a\\n\\nb'", "lines"))["json"] == ["a", "", "b"])
    #expect(try await shell.result(parse("echo 1; echo; echo '{\"a\":2}'", "jsonl"))["json"] == [1, ["a": 2]])
    let failure = try await shell.failure(parse("echo 1; echo nope", "jsonl"))
    #expect(failure.kind == .parse && failure.message.contains("line 2"))
    #expect(failure.result?["stdout"] == "1\nnope\n")
  }

  @Test(arguments: ["python3", "bash -euo pipefail", "node"])
  func `other interpreters run the script`(interpreter: String) async throws {
    let scripts = ["python3": "print(1 + 1)", "node": "console.log(1 + 1)"]
    let script = scripts[interpreter] ?? "set -o | grep -q 'pipefail.*on'; echo $((1 + 1))"
    let task = bench.task(
      "shell", [("run", .literal(.string(script))), ("interpreter", .literal(.string(interpreter)))])
    #expect(try await shell.result(task)["stdout"] == "2\n")
  }

  @Test func `a script too long for an argument runs from a file that is gone after`() async throws {
    let script = "echo \"$0\" # " + String(repeating: "x", count: 200_000)
    let result = try await shell.result(bench.task("shell", [("run", .literal(.string(script)))]))
    let path = try #require(result["stdout"]?.stringValue).trimmingCharacters(in: .newlines)
    #expect(path.hasSuffix("/n"))
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `a script that looks like an option is a script`() async throws {
    let task = bench.task("shell", [("run", "-v || echo ran")])
    #expect(try await shell.result(task)["stdout"] == "ran\n")
  }

  @Test func `dir starts from the graph's folder`() async throws {
    let scratch = try Scratch()
    try FileManager.default.createDirectory(atPath: scratch.path + "/sub", withIntermediateDirectories: true)
    let script = "#!/bin/sh\necho here\n"
    try script.write(toFile: scratch.path + "/sub/x.sh", atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.path + "/sub/x.sh")
    let fields: [(String, Field)] = [("argv", .literal(["./x.sh"])), ("dir", "sub")]
    #expect(try await shell.result(bench.task("shell", fields, folder: scratch.path))["stdout"] == "here\n")
  }

  @Test func `check says whether it is already so`() async throws {
    #expect(try await shell.check(bench.task("shell", [("run", "true")])) == nil)
    #expect(try await shell.check(bench.task("shell", [("run", "true"), ("check", "true")])) == true)
    #expect(try await shell.check(bench.task("shell", [("run", "true"), ("check", "exit 9")])) == false)
  }

  @Test func `effects are once unless the node says more`() {
    func effects(_ fields: OrderedDictionary<String, Field>, _ effects: Effects? = nil) -> EffectClass {
      shell.effectClass(of: Node("n", kind: "shell", fields: fields, effects: effects))
    }
    #expect(effects(["run": "x"]) == .once)
    #expect(effects(["run": "x"], .repeatable) == .repeatable)
    #expect(effects(["run": "x", "check": "y"]) == .check)
    #expect(effects(["run": "x", "detach": .map([:])]) == .repeatable)
  }
}
