extension GraphTemplate {
  static let approvalGraph = #"""
    # yaml-language-server: $schema=.schema/graph.json
    #
    # NAME: a person decides, and approves before anything happens.
    #
    #   graphrun NAME --input text="We have moved."
    #   graphrun resume --answer publish       answers the question; without a terminal the thread waits, for as long as it takes
    #   graphrun resume --answer true          approves

    graph: NAME
    description: A text is reviewed, changed and published.

    inputs:
      text: { type: string, default: We have moved., description: What is to be published }

    state:
      published: { type: boolean, default: false }
      reviews:   { type: integer, reduce: sum }

    outputs:
      published: .published

    start: review

    nodes:
      review:
        description: A person reads it
        ask:
          prompt: |-
            This is the text:
            ${{ .text }}
            What shall become of it?
          choices: [publish, change, drop]
        save: { reviews: "1" }
        next:
          - { when: $result == "publish", to: publish }
          - { when: $result == "change", to: change }
          - { to: end }

      change:
        description: A person writes it anew
        ask:
          prompt: The new text?
          answer: { type: string, minLength: 1 }       # an answer that does not fit is refused, and changes nothing
        save: text
        next: review

      publish:
        description: Put it where everybody sees it
        approve: "Really publish this? ${{ .text }}"   # asked before it runs; graphrun run --yes approves all
        shell:
          run: printf '%s\n' "$TEXT" >NAME.txt
          env: { TEXT: "${{ .text }}" }
          check: printf '%s\n' "$TEXT" | cmp -s - NAME.txt      # after a crash this tells whether it happened
        save: { published: "true" }
        on-error: review             # also when it is not approved: $error.kind is then refused
    """#

  static let approvalRehearsal = #"""
    # yaml-language-server: $schema=.schema/rehearsal.json

    - name: published as it is
      nodes:
        review: { answer: publish }
        publish: { answer: true, result: { exit: 0 } }
      expect:
        path: [review, publish]
        that: [.published]

    - name: changed first
      inputs: { text: We have mooved. }
      nodes:
        review:                      # a list: one answer per question
          - answer: change
          - answer: publish
        change: { answer: We have moved. }
        publish: { answer: true, result: { exit: 0 } }
      expect:
        path: [review, change, review, publish]
        that:
          - .text == "We have moved."
          - .reviews == 2

    - name: not approved, and dropped
      nodes:
        review:
          - answer: publish
          - answer: drop
        publish: { answer: false }
      expect:
        path: [review, publish, review]
        that: [.published | not]

    - name: nobody is there
      expect:
        status: waiting
        path: [review]
    """#
}
