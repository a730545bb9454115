/// Something every graph must keep to that a single value's shape cannot say.
protocol Rule: Sendable {
  func problems(in draft: Draft) -> [Problem]
}

enum Rules {
  static let all: [any Rule] = [
    TargetRule(), RouteRule(), ReachabilityRule(), FanOutRule(), ChannelRule(), WriteRule(), VariableRule(), PathRule(),
    RetryRule(), QuotingRule(), ProgramRule(), EnvironmentRule(), FileRule(), ServerRule(), ModelRule(), SubgraphRule(),
    SyntaxRule(),
  ]
}
