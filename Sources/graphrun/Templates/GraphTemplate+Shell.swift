extension GraphTemplate {
  static let shellGraph = #"""
    # yaml-language-server: $schema=.schema/graph.json
    #
    # NAME: programs and scripts, and what may go wrong with them.
    #
    #   graphrun NAME                          looks, and writes NAME.txt beside this file
    #   graphrun NAME --input least=1000000    where that much is not free

    graph: NAME
    description: Looks how much room there is, and writes it down.

    inputs:
      least: { type: integer, default: 100, description: So many megabytes should be free }

    state:
      free: { type: integer, description: Megabytes that are free }

    outputs:
      free: .free

    start: look

    nodes:
      look:
        description: How much room there is
        shell:
          argv: [df, -Pk, .]         # a program and its arguments, no shell: nothing needs quoting
          parse: lines               # $result.json is the list of its lines
        effects: repeatable          # it only looks: after a crash it may simply run again
        timeout: 30s
        retry: { attempts: 3, delay: 1s, on: [exit, timeout] }
        save:
          free: ($result.json[1] | [splits(" +")][3] | tonumber) / 1024 | floor
        next:                        # routes, tried in order; the last one is the else
          - { when: .free < .least, to: warn }
          - { to: write }

      write:
        description: Write it down
        shell:
          run: printf '%s MB are free\n' "$FREE" >NAME.txt
          check: grep -qsx "$FREE MB are free" NAME.txt     # already so: the step is done without running
          env:                       # data goes through the environment, never into the script's text
            FREE: "${{ .free | tostring }}"

      warn:
        description: Say that it is not enough
        shell: echo only ${{ .free }} of ${{ .least }} MB are free       # in a script every ${{ }} is quoted for the shell
        effects: repeatable
    """#

  static let shellRehearsal = #"""
    # yaml-language-server: $schema=.schema/rehearsal.json

    - name: there is room, and it is written down
      nodes:
        look: &much
          result:                    # what the program gives; parse, exit codes and expressions are for real
            stdout: |
              Filesystem 1024-blocks    Used Available Capacity Mounted on
              /dev/sda1     41152736 9123456  30000128      24% /
        write: { result: { exit: 0 } }
      expect:
        path: [look, write]
        that: [.free == 29297]

    - name: it is written down already
      nodes:
        look: *much
        write: { checked: true }
      expect:
        path: [look, write]

    - name: too little is left
      inputs: { least: 50000 }
      nodes:
        look: *much
        warn: { result: { exit: 0 } }
      expect:
        path: [look, warn]

    - name: the second attempt sees it
      nodes:
        look:                        # a list: one per attempt
          - { fail: df was interrupted, exit: 1 }
          - *much
        write: { result: { exit: 0 } }
      expect:
        path: [look, write]
    """#
}
