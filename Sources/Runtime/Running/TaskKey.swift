import Crypto
import Foundation
import Graph

/// Keys and ids derived from what a task is, so that every attempt and every resume finds the same (RELIABILITY R5).
enum TaskKey {
  /// The idempotency key of `task`, 26 characters of base32.
  static func key(_ thread: ThreadID, _ task: TaskID, call: String = "") -> String {
    String(
      digest([thread.rawValue, task.namespace, task.due.description, task.node, "\(task.index)", call]).prefix(26))
  }

  /// The id of the `number`-th question of `task`.
  static func question(_ thread: ThreadID, _ task: TaskID, number: Int) -> String {
    let digest = digest([
      thread.rawValue, task.namespace, task.due.description, task.node, "\(task.index)", "question", "\(number)",
    ])
    return "q" + digest.prefix(9)
  }

  /// What the ids begin with that are made for messages which `task` writes to `channel` without one.
  static func messages(_ thread: ThreadID, _ task: TaskID, in channel: ChannelName) -> String {
    let digest = digest([
      thread.rawValue, task.namespace, task.due.description, task.node, "\(task.index)", "messages", channel.rawValue,
    ])
    return "m" + digest.prefix(12)
  }

  /// Whether `text` could be the id of a question.
  static func isQuestion(_ text: String) -> Bool {
    text.utf8.count == 10 && text.hasPrefix("q")
      && text.dropFirst().allSatisfy { "abcdefghijklmnopqrstuvwxyz234567".contains($0) }
  }

  /// The hash a graph is stored under.
  static func graph(_ text: String, files: [String: String]) -> String {
    guard !files.isEmpty else { return SHA256.hash(data: Data(text.utf8)).hex }
    let parts = files.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
    return SHA256.hash(data: framed([text] + parts)).hex
  }

  /// A short name for the store in the folder at `path`, the same however the path is written.
  static func folder(_ path: String) -> String {
    String(digest([URL(fileURLWithPath: path).resolvingSymlinksInPath().path]).prefix(13))
  }

  static func cache(_ parts: [String]) -> String {
    SHA256.hash(data: framed(parts)).hex
  }

  /// What stands for all that a task looked at.
  static func seen(_ parts: [String]) -> String { digest(parts) }

  private static func digest(_ parts: [String]) -> String {
    base32(SHA256.hash(data: framed(parts)))
  }

  /// Parts with their lengths, so that no two lists of parts give the same bytes.
  private static func framed(_ parts: [String]) -> Data {
    var data = Data()
    for part in parts { data.append(contentsOf: "\(part.utf8.count):\(part)".utf8) }
    return data
  }

  /// RFC 4648 base32, lower case, without padding.
  private static func base32(_ digest: SHA256Digest) -> String {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")
    var text = ""
    var (buffer, bits) = (0, 0)
    for byte in digest {
      buffer = (buffer << 8 | Int(byte)) & 0xFFF
      bits += 8
      while bits >= 5 {
        bits -= 5
        text.append(alphabet[(buffer >> bits) & 31])
      }
    }
    return text
  }
}
