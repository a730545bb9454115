/// Where a node, or the start, leads.
enum RouteFormat {
  static let shape = Shape.any([
    .target, route, .list(.target), .list(route),
  ])

  static let route = Shape.object(ObjectShape("a route ({when, to}, {each, to} or {to})", fields))

  private static let fields = [
    FieldFormat("when", .expression, "The route is taken if this holds; without it always (an else, and last)."),
    FieldFormat(
      "each", .expression, "Fan-out: one task of `to` per item, a stream or one list; they see $item and $index."),
    FieldFormat("parallel", .integer(1...10_000), "How many tasks of an `each` run at once; without it all do."),
    FieldFormat("to", to, "Where it leads: a node, a list of nodes, end, or {expr, may}.", isRequired: true),
  ]

  private static let to = Shape.any([
    .target, .list(.target),
    .object(
      ObjectShape(
        "a computed target ({expr, may})",
        [
          FieldFormat("expr", .expression, "Gives a name or a list of names.", isRequired: true),
          FieldFormat("may", .list(.target), "The names it may give; end is always allowed.", isRequired: true),
        ])),
  ])
}
