extension GraphTemplate {
  static let agentGraph = #"""
    # yaml-language-server: $schema=.schema/graph.json
    #
    # NAME: a language model with tools, and what holds its answer to the facts.
    #
    #   graphrun doctor NAME                   what is missing on this machine: the model, the server's program
    #   graphrun NAME
    #   graphrun NAME --input question="Which containers are not running?"
    #
    # The model may only look. Any other tool it would use is asked about first: the thread waits for an answer.

    graph: NAME
    description: A model answers questions about the containers on this machine.

    inputs:
      question: { type: string, default: Which containers are there?, description: What the model is asked }
      model:    { type: string, default: llama3.1, description: An Ollama model that can use tools }

    state:
      answer: { type: string }
      calls:  { type: array, default: [], description: "The tools it used, each with arguments and result" }
      tries:  { type: integer, reduce: sum, description: How often it was asked }

    outputs:
      answer: .answer

    servers:
      docker:                        # an MCP server: its program is started when it is needed, and ended with the run
        command: uvx
        args: [mcp-server-docker]
        trust: true                  # believe what it says of its tools: which only look

    start: look

    nodes:
      look:
        description: The model looks, and answers
        agent:
          model: "${{ .model }}"
          system: Use your tools before you answer. Say only what they found.
          prompt: "${{ .question }}"
          servers: [docker]
          tools:
            allow: [list_containers]           # runs without asking
            deny: ["remove_*", "stop_*"]       # is not even told to the model
          max-turns: 6
        timeout: 10m
        retry: { attempts: 2, on: [connection, model] }
        save:
          answer: $result.text
          calls: $result.calls
          tries: "1"
        next: evidence

      evidence:
        description: What counts is that it looked, not how well it talks
        verify:
          that:
            - expect: any(.calls[]; .tool == "list_containers" and .status == "done")
              message: The model answered without having looked. Try another with --input model=qwen3
            - expect: (.answer | length) > 0
              message: The model said nothing.
        on-error: again

      again:
        description: Ask once more, and then no more
        set: { answer: '""' }
        next:
          - { when: .tries < 2, to: look }
          - { to: give-up }

      give-up:
        description: A person is to know
        ask:
          prompt: The model has not looked at anything in ${{ .tries }} tries. What now?
          choices: [ask again, stop]
        next:
          - { when: $result == "ask again", to: look }
          - { to: end }
    """#

  static let agentRehearsal = #"""
    # yaml-language-server: $schema=.schema/rehearsal.json
    #
    # No model and no server is needed to play these: graphrun rehearse NAME

    - name: it looks, and answers
      nodes:
        look: &looked
          result:
            text: One container is running, web.
            calls: [{ server: docker, tool: list_containers, arguments: {}, status: done }]
      expect:
        path: [look, evidence]
        that:
          - .answer | contains("web")

    - name: an answer without a look is asked for again
      nodes:
        look:                        # a list: one per attempt, over loops and retries alike
          - result: { text: "I suppose there are none.", calls: [] }
          - *looked
      expect:
        path: [look, evidence, again, look, evidence]
        that: [.tries == 2]

    - name: the model's server comes back
      nodes:
        look:
          - { fail: connection refused, kind: connection }
          - *looked
      expect:
        path: [look, evidence]

    - name: a person ends it
      nodes:
        look: { result: { text: I do not look. } }
        give-up: { answer: stop }
      expect:
        path: [look, evidence, again, look, evidence, again, give-up]

    - name: a person wants another try
      nodes:
        look:
          - result: { text: I do not look. }
          - result: { text: I still do not. }
          - *looked
        give-up: { answer: ask again }
      expect:
        that: [.tries == 3]

    - name: nobody is there to decide
      nodes:
        look: { result: { text: I do not look. } }
      expect:
        status: waiting
    """#
}
