// One import is enough to write and run a graph.
@_exported public import Graph
@_exported public import GraphNodes
@_exported public import GraphRuntime
