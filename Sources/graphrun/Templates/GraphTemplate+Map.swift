extension GraphTemplate {
  static let mapGraph = #"""
    # yaml-language-server: $schema=.schema/graph.json
    #
    # NAME: the same work for each of many things, some at a time, joined in their order.
    #
    #   graphrun NAME
    #   graphrun NAME --input 'words=["ox","bee","wren"]'

    graph: NAME
    description: Measures words, some at a time.

    inputs:
      words: { type: array, items: { type: string }, default: [ox, bee, wren], description: What is measured }

    state:
      measured: { type: array, reduce: append, description: "Each word with its length, in the order of the words" }
      failed:   { type: array, reduce: append, description: Words that could not be measured }
      total:    { type: integer, default: 0 }

    outputs:
      total: .total
      failed: .failed

    start:
      - { when: '.words != []', each: ".words[]", to: measure, parallel: 4 }      # a task per word, four at once
      - { to: nothing }              # no items would end the branch: say so instead

    nodes:
      measure:
        description: One word
        shell:
          run: printf %s "$WORD" | wc -c
          env: { WORD: "${{ $item }}" }        # $item and $index are this task's own
          parse: json
        effects: repeatable
        timeout: 10s
        retry: { attempts: 2, delay: 1s, on: [exit, timeout] }
        save:
          measured: "[{word: $item, length: $result.json}]"    # append: every task adds its own, in item order
        on-error: missed

      missed:
        description: Goes on without those that failed
        set: { failed: "[$errors[].message]" }
        next: report

      report:
        description: Runs once, when all of them have ended
        defer: true
        after: measure
        set: { total: "[.measured[].length] | add // 0" }

      nothing:
        description: There was nothing to do
        set: { total: 0 }
    """#

  static let mapRehearsal = #"""
    # yaml-language-server: $schema=.schema/rehearsal.json

    - name: every word is measured
      nodes:
        measure: { result: { json: "${{ $item | length }}" } }      # ${{ }} sees what the task sees
      expect:
        path: [measure, measure, measure, report]
        that:
          - .total == 9
          - (.measured | map(.word)) == .words

    - name: one of them fails, the others count
      nodes:
        measure:
          items:                     # by the item's place
            - { result: { json: 2 } }
            - { fail: no such word }
            - [{ fail: try again }, { result: { json: 4 } }]        # a list: one per attempt
      expect:
        path: [measure, measure, measure, missed, report]
        that:
          - .total == 6
          - (.failed | length) == 1

    - name: no words
      inputs: { words: [] }
      expect:
        path: [nothing]
    """#
}
