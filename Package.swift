// swift-tools-version: 6.3

import PackageDescription

/// For libFuzzer (make fuzz) what is ours counts what it passes through.
let isFuzzed = Context.environment["GRAPHRUN_FUZZ"] != nil

let settings: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (isFuzzed ? [.unsafeFlags(["-sanitize=fuzzer"])] : [])

let package = Package(
  name: "graphrun",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Graph", targets: ["Graph"]),
    .library(name: "GraphRuntime", targets: ["GraphRuntime"]),
    .library(name: "GraphNodes", targets: ["GraphNodes"]),
    .library(name: "GraphKit", targets: ["GraphKit"]),
    .library(name: "GraphTestKit", targets: ["GraphTestKit"]),
    .executable(name: "graphrun", targets: ["graphrun"]),
  ],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CJQ",
      providers: [.apt(["libjq-dev"]), .brew(["jq"])]
    ),
    .systemLibrary(name: "CFiles"),
    .systemLibrary(
      name: "CSQLite",
      providers: [.apt(["libsqlite3-dev"])]
    ),
    .target(
      name: "Graph",
      dependencies: [
        "CFiles",
        "CJQ",
        .product(name: "Yams", package: "Yams"),
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "GraphRuntime",
      dependencies: [
        "Graph",
        "CSQLite",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      path: "Sources/Runtime",
      swiftSettings: settings
    ),
    .target(
      name: "GraphNodes",
      dependencies: [
        "Graph",
        "GraphRuntime",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOFoundationCompat", package: "swift-nio"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      path: "Sources/Nodes",
      swiftSettings: settings
    ),
    .target(
      name: "GraphKit",
      dependencies: [
        "Graph", "GraphRuntime", "GraphNodes",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      path: "Sources/Kit",
      swiftSettings: settings
    ),
    .target(
      name: "GraphTestKit",
      dependencies: [
        "Graph", "GraphRuntime", "GraphNodes", "GraphKit",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      path: "Sources/TestKit",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "graphrun",
      dependencies: [
        "Graph",
        "GraphRuntime",
        "GraphNodes",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "engine-bench",
      dependencies: [
        "Graph", "GraphRuntime",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      path: "Benchmarks/engine",
      swiftSettings: settings
    ),
    .testTarget(
      name: "GraphTests",
      dependencies: ["Graph", "graphrun"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "RuntimeTests",
      dependencies: [
        "Graph", "GraphRuntime", "graphrun",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "NodesTests",
      dependencies: [
        "Graph", "GraphRuntime", "GraphNodes", "graphrun",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "examples",
      dependencies: ["GraphKit"],
      path: "Examples",
      swiftSettings: settings
    ),
    .testTarget(
      name: "KitTests",
      dependencies: [
        "GraphKit", "GraphTestKit", "graphrun", "examples",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "Graph", "GraphRuntime", "graphrun",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "Conformance",
      dependencies: [
        "Graph", "GraphRuntime", "GraphNodes", "graphrun",
        .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/Conformance",
      exclude: ["README.md", "Cases", "langgraph"],
      swiftSettings: settings
    ),
  ]
)

// libFuzzer brings a `main` of its own, which only lld lets another one stand for.
if isFuzzed {
  package.targets.append(
    .executableTarget(
      name: "Fuzz", dependencies: ["Graph", "GraphRuntime", "GraphNodes"], path: "Tests/Fuzz",
      exclude: ["README.md", "run", "seeds"], swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])],
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]))
}
