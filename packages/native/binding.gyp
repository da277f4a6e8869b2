{
  "targets": [
    {
      "target_name": "lockstep",
      "sources": ["<!@(node scripts/print.ts sources)"],
      "include_dirs": ["<!(node scripts/print.ts headers)"],
      "defines": ["NAPI_VERSION=8", "LOCKSTEP_ADDRESS=\"<!(node scripts/print.ts address)\""],
      "cflags_cc": ["-std=c++17", "-O2", "-ffp-contract=off", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden"],
      "xcode_settings": {
        "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
        "OTHER_CPLUSPLUSFLAGS": ["-O2", "-ffp-contract=off", "-fvisibility=hidden"]
      }
    }
  ]
}
