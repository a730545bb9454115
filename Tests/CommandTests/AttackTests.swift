import Foundation
import Graph
import Testing

/// What comes from outside is data, and what is secret stays so. Tests/Faults/attacks.md lists all attacks.
@Suite("Attacks")
struct AttackTests {
  static let hostile = #"$(touch ./pwned) `touch pwned`; touch pwned & ' " \ | ${IFS} $((1)) # *"#

  @Test func `what a model answers is no script, wherever it is inserted`() async throws {
    let answer = JSON.object(["content": .string(Self.hostile)]).text
    let tool = try Tool(["turns": answer])
    defer { tool.remove() }
    try await tool.withModel { url in
      try tool.write(
        """
        graph: echo
        state: { x: {} }
        start: ask
        nodes:
          ask: { llm: { model: script, url: \(url), prompt: Say it. }, save: { x: $result.text }, next: say }
          say:
            shell:
              run: |
                echo ${{ .x }}; echo "$(echo ${{ .x }})"; A=${{ .x }}; echo "$A"; cat <<<x ${{ "/dev/null" }} || true
                sh -c 'echo "$1"' sh ${{ .x }}
              interpreter: bash -eu
            effects: repeatable
            next: pass
          pass:
            shell: { run: 'echo "$X"', env: { X: "${{ .x }}" } }
            effects: repeatable
        """, to: "echo.graph")
      let outcome = try await tool("run", "echo", "--thread", "t", "--json")
      #expect(outcome.code == 0, "\(outcome.output) \(outcome.error)")
      let said = try outcome.lines().filter { $0["event"] == "task-output" && $0["stream"] == "stdout" }
        .compactMap { $0["text"]?.stringValue }.joined()
      #expect(said.components(separatedBy: "$(touch ./pwned)").count - 1 >= 5)
    }
    #expect(!FileManager.default.fileExists(atPath: tool.folder.appending(path: "pwned").path))
  }

  @Test(arguments: ["../x", "a/b", "", "-x", ".x", "'; DROP TABLE thread; --", "a b", "é", "a\u{202E}", "🙂"])
  func `a thread has a name, and no path is made of anything else`(name: String) async throws {
    let tool = try Tool(["g.graph": "graph: g\nstart: a\nnodes: { a: { set: {} } }\n"])
    defer { tool.remove() }
    for arguments in [["run", "g", "--thread=\(name)"], ["show", "--", name], ["resume", "--", name]] {
      #expect(try await tool.call(arguments).code == 2, "\(arguments)")
    }
    let names = try FileManager.default.subpathsOfDirectory(atPath: tool.folder.path)
    #expect(names.allSatisfy { $0 == "g.graph" || $0.hasPrefix("state") && !$0.contains("locks/") }, "\(names)")
    #expect(try await tool("run", "g", "--thread", String(repeating: "a", count: 129)).code == 2)
  }

  @Test(arguments: ["sk-live-51f0a8c2d4e6", "4711081512345678"])
  func `a secret is in nothing that is printed or stored, however a step says it`(secret: String) async throws {
    let tool = try Tool([
      "leak.graph": """
      graph: leak
      secrets: [TOKEN]
      state: { a: {}, b: {} }
      start: say
      nodes:
        say:
          shell:
            run: |
              printf '%s' "$TOKEN" | cut -c 1-7 | tr -d '\\n'; sleep 0.1; printf '%s' "$TOKEN" | cut -c 8-
              for before in '' x xx; do printf '%s%s' "$before" "$TOKEN" | base64; done
              printf '{"token": "%s"}\\n' "$TOKEN" >&2
            env: { TOKEN: "${{ $secrets.TOKEN }}" }
          save: { a: $result.stdout }
          next: parse
        parse:
          shell: { run: 'echo "[$TOKEN]" || true', env: { TOKEN: "${{ $secrets.TOKEN }}" }, parse: lines }
          save: { b: "[$result.json[], ($result.json[0] | ltrimstr(\\"[\\") | rtrimstr(\\"]\\"))]" }
          next: number
        number:
          shell:
            run: |
              case $TOKEN in [0-9]*) echo "{\\"n\\": $TOKEN}" ;; *) echo 1 ;; esac
            env: { TOKEN: "${{ $secrets.TOKEN }}" }
            parse: json
          save: { b: $result.json }
          next: fail
        fail:
          shell: { run: 'echo "bad $TOKEN" >&2; exit 3', env: { TOKEN: "${{ $secrets.TOKEN }}" } }
      """
    ])
    defer { tool.remove() }
    var said: [String] = []
    for arguments in [["run", "leak", "--thread", "t", "--json"], ["resume", "t"], ["show", "t"], ["log", "t"]] {
      let outcome = try await tool.call(arguments, environment: ["TOKEN": secret])
      said += [outcome.output, outcome.error]
    }
    #expect(said[0].contains("***") && said[0].contains("\"failed\""), "\(said[0])")
    let core = Data(("x" + secret).utf8).base64EncodedString().dropFirst(2).dropLast(4)
    for form in [secret, Data(secret.utf8).base64EncodedString().replacingOccurrences(of: "=", with: ""), String(core)]
    {
      for text in said { #expect(!text.contains(form)) }
      for file in try FileManager.default.subpathsOfDirectory(atPath: tool.folder.path + "/state") {
        let bytes = FileManager.default.contents(atPath: "\(tool.folder.path)/state/\(file)")
        #expect(bytes?.range(of: Data(form.utf8)) == nil, "\(file)")
      }
    }
  }

  @Test func `a step that names no secret does not have it`() async throws {
    let tool = try Tool([
      "two.graph": """
      graph: two
      secrets: [TOKEN]
      start: one
      nodes:
        one:
          shell: { run: 'test "$T" = tomato-4711', env: { T: "${{ $secrets.TOKEN }}" } }
          next: two
        two:
          shell: 'test -z "${TOKEN:-}" && ! tr "\\0" "\\n" </proc/self/environ | grep -q tomato'
      """
    ])
    defer { tool.remove() }
    let outcome = try await tool("run", "two", "--thread", "t", environment: ["TOKEN": "tomato-4711"])
    #expect(outcome.code == 0, "\(outcome.error)")
  }

  #if os(Linux)
    @Test(arguments: [("", "1"), ("0", "1"), ("1", "0")])
    func `steps gain no rights unless that is allowed`(allowance: String, flag: String) async throws {
      let tool = try Tool([
        "rights.graph": """
        graph: rights
        start: look
        nodes:
          look: { shell: 'grep -q "NoNewPrivs:.\(flag)" /proc/self/status' }
        """
      ])
      defer { tool.remove() }
      let outcome = try await tool("run", "rights", environment: ["GRAPHRUN_ALLOW_SUDO": allowance])
      #expect(outcome.code == 0, "\(outcome.error)")
    }

    @Test(.enabled(if: getuid() != 0 || FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv")))
    func `a step cannot read the runner's memory`() async throws {
      let tool = try Tool([
        "look.graph": """
        graph: look
        state: { n: {} }
        start: count
        nodes:
          count: { set: { n: "[1, 2] | map(. + 1) | add" }, next: a }
          a: { shell: 'test "$(id -u)" != 0 && ! cat /proc/$PPID/environ && ! head -c 1 /proc/$PPID/mem' }
        """
      ])
      defer { tool.remove() }
      try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: tool.folder.path)
      let outcome = try await tool.callAsNobody("run", "look", "--thread", "t")
      #expect(outcome.code == 0, "\(outcome.output) \(outcome.error)")
    }
  #endif
}
