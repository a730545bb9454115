extension GraphTemplate {
  static let blankGraph = #"""
    # yaml-language-server: $schema=.schema/graph.json
    #
    # NAME: say here what it is for.
    #
    #   graphrun validate NAME       every mistake at once, each with its place
    #   graphrun rehearse NAME       plays NAME.rehearsal.yaml; nothing outside is touched
    #   graphrun NAME                runs it

    graph: NAME
    description: Greets somebody.

    inputs:                          # what it is given: --input name=Ada
      name: { type: string, default: world, description: Who is greeted }

    state:                           # what its nodes write, for all of them to see
      greeting: { type: string }

    outputs:                         # what comes of it
      greeting: .greeting

    start: greet

    nodes:
      greet:
        description: Put the greeting together
        set:
          greeting: '"Hello, \(.name)!"'     # an expression (jq): . is the state
    """#

  static let blankRehearsal = #"""
    # yaml-language-server: $schema=.schema/rehearsal.json

    - name: somebody is greeted
      inputs: { name: Ada }
      expect:
        path: [greet]                # the nodes that run, in order
        that:                        # what holds in the end
          - .greeting == "Hello, Ada!"
    """#
}
