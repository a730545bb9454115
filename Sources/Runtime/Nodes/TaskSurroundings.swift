import Graph
import OrderedCollections

/// What all tasks of a run find around them.
final class TaskSurroundings: Sendable {
  /// The graph's MCP servers.
  let servers: OrderedDictionary<String, Field>
  let channels: OrderedDictionary<ChannelName, ChannelDefinition>

  /// Where relative names start.
  let folder: String

  /// For child processes, but for the task's own key.
  let environment: [String: String]
  let stopGrace: @Sendable () -> Duration
  let clock: RunClock

  init(
    servers: OrderedDictionary<String, Field>, channels: OrderedDictionary<ChannelName, ChannelDefinition> = [:],
    folder: String, environment: [String: String], stopGrace: @escaping @Sendable () -> Duration, clock: RunClock
  ) {
    self.servers = servers
    self.channels = channels
    self.folder = folder
    self.environment = environment
    self.stopGrace = stopGrace
    self.clock = clock
  }
}
