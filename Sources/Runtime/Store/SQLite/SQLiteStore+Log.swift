extension SQLiteStore {
  /// So much of the log is moved into the database long before, unless a reader is in the way.
  private static let longLogBytes = 64 << 20

  public var complaint: String? {
    guard let size = logSize, size > Self.longLogBytes else { return nil }
    return
      "the log \(folder.wal) is \(size >> 20) MiB long and grows, because another process has been reading the store for long; end that (fuser \(folder.wal)), and it shrinks"
  }
}
