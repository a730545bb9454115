import CFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that must lie below a folder, links followed: the kernel refuses what leads out of it (RELIABILITY S7).
struct ContainedFile {
  /// Absolute path of the folder.
  var root: String

  /// Folders below it, each of which the next and the file must lie below.
  var folders: [String] = []

  /// The bytes of the file `name`, at most one more than a graph may have.
  func bytes(of name: String) throws(GraphFileError) -> [UInt8] {
    let path = ([root] + folders + [name]).joined(separator: "/")
    var folder = unsafe open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw failure(at: path) }
    for inner in folders {
      let next = unsafe graphrun_open_beneath(folder, inner, O_RDONLY | O_DIRECTORY)
      let reason = errno
      close(folder)
      errno = reason
      guard next >= 0 else { throw failure(at: path) }
      folder = next
    }
    // Opening a pipe must not wait for somebody who writes to it.
    let file = unsafe graphrun_open_beneath(folder, name, O_RDONLY | O_NONBLOCK)
    let reason = errno
    close(folder)
    errno = reason
    guard file >= 0 else { throw failure(at: path) }
    defer { close(file) }
    return try GraphFile.bytes(from: file, path)
  }

  private func failure(at path: String) -> GraphFileError {
    switch errno {
    case ENOENT, ENOTDIR: .missing(path: path)
    case EXDEV, ELOOP: .outside(path: path)
    default: GraphFile.unreadable(path)
    }
  }
}
