import CSQLite

/// How this process keeps memory.
public enum Heap {
  /// From now on large buffers, such as a result on its way to the store, go back to the system as they are freed.
  public static func returnLargeBuffers() { graphrun_return_large_buffers() }
}
