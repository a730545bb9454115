import Graph
import GraphRuntime
import Testing

@testable import GraphNodes

@Suite("What doctor decides by itself")
struct DoctorPartsTests {
  @Test(arguments: [
    ("6.12.0-amd64", HostSystem.Kind.linux), ("5.15.167.4-microsoft-standard-WSL2", .wsl2),
    ("6.6.87-WSL2-custom", .wsl2),
    ("4.4.0-19041-Microsoft", .wsl1),
  ])
  func `the kernel's name tells WSL`(kernel: String, kind: HostSystem.Kind) {
    let system = HostSystem(
      kernel: kernel + "\n", release: "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n")
    #expect(system.kind == kind)
    #expect(system.name.hasPrefix("Debian GNU/Linux 12 (bookworm)") && system.name.hasSuffix("kernel \(kernel)"))
    #expect((MachineChecks.system(system).state == .failed) == (kind == .wsl1))
  }

  @Test(arguments: [
    ("kubectl get pods", ["kubectl"]), ("FOO=1 BAR=2 helm list | jq .", ["helm", "jq"]),
    ("if ! true; then terraform plan; else kind get clusters; fi", ["terraform", "kind"]),
    ("# kubectl\necho 'helm; kind' \"a | b\"", []), ("cd x && ./run.sh > out.txt 2>&1", ["./run.sh"]),
    ("deploy() { helm list; }; deploy", ["helm"]), ("sudo systemctl start x; sudo -u me tool", ["systemctl"]),
    ("command -v kubectl >/dev/null || exit 3; kubectl get pods", []), (". lib.sh; run kubectl", []),
    ("$TOOL x; `which y` z", []),
    ("a-tool <<END\nnot-a-tool\nEND\nother", ["a-tool"]), ("case x in a) b ;; esac; c", []),
    ("first; case x in a) b ;; esac", ["first"]),
    ("for i in one two; do three $i; done", ["three"]), ("x=$(date) one", []),
    ("one \\\n  two\nthree", ["one", "three"]),
    ("look \"$(hidden)\"; unsure", ["look"]), ("'open", []), ("printf %s a >b; cat <b", ["cat"]),
    ("make 2>&1 | tee log", ["make", "tee"]), ("a=(b c)", []), ("((x+1)); y", []),
  ])
  func `programs are read out of a script as far as that is certain`(script: String, programs: [String]) throws {
    #expect(ScriptPrograms.names(in: try Template(parsing: script)) == programs)
  }

  @Test func `a program that an expression gives is not guessed`() throws {
    #expect(ScriptPrograms.names(in: try Template(parsing: "${{ .tool }} x; kubectl ${{ .verb }}")) == ["kubectl"])
  }

  @Test(arguments: [
    ("llama3.2:3b", "llama3.2:3b", true), ("llama3.1:latest", "llama3.1", true), ("llama3.1", "LLAMA3.1:latest", true),
    ("llama3.1:8b", "llama3.1", false), ("host:5000/x/y:latest", "host:5000/x/y", true),
  ])
  func `models are compared as Ollama does`(installed: String, wanted: String, isSame: Bool) {
    #expect(ModelChecks.isSame(installed, wanted) == isSame)
  }

  @Test(arguments: [
    ("could not start uvx: no such program, or it may not be run", Tool.remedy(for: "uvx")),
    (
      "stub ended with exit code 1; it said: E404 (the package is not in the registry: check its name)",
      "mend the package's name"
    ),
    ("the server s: mcp.json: the server \"s\" args[0]: the variable TOKEN is not set; set it", "export TOKEN=…"),
    (
      "x ended; it said: docker.errors.DockerException: PermissionError(13, 'Permission denied')",
      "sudo usermod -aG docker"
    ),
    ("x did not answer within 60s of its start", "start it once by hand"), ("odd", "run its command by hand"),
  ])
  func `what a server's failure says leads to its remedy`(message: String, remedy: String) {
    #expect(ServerRemedy(name: "s", message: message).text.hasPrefix(remedy))
  }

  @Test(arguments: [
    (#"{"type": "string"}"#, "string"), (#"{"anyOf": [{"type": "integer"}, {"type": "null"}]}"#, "integer"),
    (#"{"type": "array", "items": {"type": "string"}}"#, "list of string"), (#"{"enum": ["a", 1]}"#, #""a" or 1"#),
    (
      #"{"type": "object", "properties": {"x": {"type": "number"}, "y": {}}, "required": ["x"]}"#,
      "{x: number, y?: anything}"
    ),
    ("true", "anything"), (#"{"type": ["string", "null"]}"#, "string"),
  ])
  func `a schema is told in few words`(schema: String, words: String) throws {
    #expect(SchemaWords.type(try JSON(parsing: schema)) == words)
  }

  @Test func `a check that does not end is a failure with its time; others go on, in order`() async throws {
    var shown: [Finding] = []
    let checks = [
      Check("slow", within: .milliseconds(50)) {
        try await Task.sleep(for: .seconds(60))
        return []
      },
      Check("quick", one: { .ok("quick") }),
      Check("bad", one: { throw NodeFailure(.spawn, "it is gone; put it back") }),
    ]
    try await Doctor(checks).run { shown.append($0) }
    #expect(shown.map(\.check) == ["slow", "quick", "bad"])
    #expect(shown.map(\.state) == [.failed, .ok, .failed])
    #expect(shown[0].found?.contains("no answer within") == true)
  }

  @Test func `a tool pattern is about a tool only where an agent would find it`() async throws {
    let dotted: JSON = ["name": "docker.wipe", "inputSchema": ["type": "object"]]
    let evil = WebStub(era: .modern, tools: [dotted])
    try await TalkServer.run(WebStub(era: .modern).answer) { docker in
      try await TalkServer.run(evil.answer) { evil in
        let text = """
          graph: g
          servers: { docker: { url: "\(docker.url())" }, evil: { url: "\(evil.url())" } }
          start: a
          nodes:
            a: { agent: { model: m, prompt: x, tools: { allow: [echo, docker.wipe, evil.docker.wipe] } } }
          """
        let reading = GraphReader().read(text)
        let checks = try GraphChecks(try #require(reading.graph, "\(reading.problems)"), inputs: [:], environment: [:])
        let findings = try await #require(checks.checks.first { $0.name == "agent a" }).findings()
        await checks.close()
        #expect(findings.map(\.state) == [.failed])
        #expect(findings.first?.found?.contains("no tool is called \"docker.wipe\"") == true, "\(findings)")
      }
    }
  }
}
