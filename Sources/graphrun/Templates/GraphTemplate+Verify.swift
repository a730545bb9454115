extension GraphTemplate {
  static let verifyGraph = #"""
    # yaml-language-server: $schema=.schema/graph.json
    #
    # NAME: what must be so, looked at side by side; each message is its remedy.
    #
    #   graphrun NAME                looks
    #   graphrun resume              after a remedy: only what did not hold is looked at again

    graph: NAME
    description: Holds this machine to what is needed.

    inputs:
      tools: { type: array, items: { type: string }, default: [tar, awk], description: Programs that must be there }
      least: { type: integer, default: 100, description: So many megabytes must be free }
      site:  { type: string, default: "", description: An address that must answer; empty is none }

    state:
      free: { type: integer }

    outputs:
      free: .free

    start: [programs, room, site]    # all three in one super-step: one run names all that is missing

    nodes:
      programs:
        description: The programs that are needed
        verify:
          shell:                     # a probe: it looks, and any exit code is a finding
            run: |
              for tool in $TOOLS; do command -v "$tool" >/dev/null || echo "$tool"; done
            env: { TOOLS: '${{ .tools | join(" ") }}' }
            parse: lines
          that:
            - expect: $result.json == []
              message: 'Missing: ${{ $result.json | join(", ") }}. Install them, then graphrun resume.'
        timeout: 30s

      room:
        description: Room on the disk
        verify:
          shell: { run: "df -Pk . | awk 'NR == 2 { print int($4 / 1024) }'", parse: json }
          that:
            - expect: $result.json >= .least
              message: Only ${{ $result.json }} MB are free, ${{ .least }} are needed. Empty the trash, then graphrun resume.
        save: { free: $result.json }
        timeout: 30s

      site:
        description: The web site answers
        when: .site != ""            # otherwise skipped, which counts as finished
        verify:
          http: "${{ .site }}"
          within: 1m                 # looks again until it holds, for so long
          every: 2s
          that:
            - expect: $result.status? == 200
              message: "${{ .site }} does not answer as it should: ${{ $result.status? // $result.error.message? }}"

      report:
        after: [programs, room, site]          # a barrier: runs once all three have held
        description: All of it holds
        shell: echo all there, and ${{ .free }} MB are free
        effects: repeatable
    """#

  static let verifyRehearsal = #"""
    # yaml-language-server: $schema=.schema/rehearsal.json

    - name: all of it holds
      inputs: { site: "https://example.org/" }
      nodes:
        programs: &there { result: { json: [] } }      # what the probe finds; the expectations are for real
        room: &room { result: { json: 20000 } }
        site: { result: { status: 200 } }
        report: { result: { exit: 0 } }
      expect:
        path: [programs, room, site, report]
        that: [.free == 20000]

    - name: no site is asked for
      nodes:
        programs: *there
        room: *room
        report: { result: { exit: 0 } }
      expect:
        path: [programs, room, report]

    - name: all that is wrong is said in one run
      inputs: { site: "https://example.org/" }
      nodes:
        programs: { result: { json: [awk] } }
        room: { result: { json: 7 } }
        site: { result: { error: { kind: connection, message: connection refused } } }
      expect:
        status: failed
        path: [programs, room, site]
        that:
          - ($errors | map(.node)) == ["programs", "room", "site"]
          - $error.message | contains("awk")
    """#
}
