import NIOCore

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Addresses that lead to this machine, its neighbours or nowhere: everything that is not globally reachable.
enum PrivateRanges {
  static func contain(_ address: SocketAddress) -> Bool {
    guard let text = address.ipAddress else { return true }
    return contain(text)
  }

  /// - Parameter text: an address in numbers; anything else counts as private.
  static func contain(_ text: String) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 16)
    if unsafe inet_pton(AF_INET, text, &bytes) == 1 { return containV4(Array(bytes[..<4])) }
    if unsafe inet_pton(AF_INET6, text, &bytes) == 1 { return containV6(bytes) }
    return true
  }

  private static func containV4(_ a: [UInt8]) -> Bool {
    switch (a[0], a[1]) {
    case (0, _), (10, _), (127, _), (169, 254), (192, 168): true
    case (100, 64...127), (172, 16...31), (198, 18...19): true
    case (192, 0): a[2] == 0 || a[2] == 2
    case (198, 51): a[2] == 100
    case (203, 0): a[2] == 113
    case (224..., _): true
    default: false
    }
  }

  private static func containV6(_ a: [UInt8]) -> Bool {
    let embedded = Array(a[12...])
    // ::, ::1, v4-compatible and v4-mapped; 64:ff9b::/96 (NAT64); 2002::/16 (6to4).
    if a[..<10].allSatisfy({ $0 == 0 }), (a[10], a[11]) == (0, 0) || (a[10], a[11]) == (0xFF, 0xFF) {
      return containV4(embedded)
    }
    if Array(a[..<4]) == [0, 0x64, 0xFF, 0x9B] { return a[4] != 0 || containV4(embedded) }
    if (a[0], a[1]) == (0x20, 0x02) { return containV4(Array(a[2..<6])) }
    // Only 2000::/3 is global; of it 2001:0000::/23 (Teredo and the like) and 2001:db8::/32 are not.
    guard a[0] & 0xE0 == 0x20 else { return true }
    return Array(a[..<2]) == [0x20, 0x01] && (a[2] < 2 || (a[2], a[3]) == (0x0D, 0xB8))
  }
}
