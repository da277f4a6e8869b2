// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// What a node's indexer and transactor are tried on: it counts what has been rung, and never forgets a ring.
contract BellHarness {
    error TooLoud(uint256 loudness, uint256 limit);
    error AlreadyRung(bytes32 what);
    error Closed(uint256 time, uint256 until);

    event Rung(uint256 indexed number, bytes32 indexed what, address indexed by, uint256 loudness, string text);
    event Pair(uint256 number, uint64[] notes);

    uint256 public constant LIMIT = 100;
    uint256 public number;
    mapping(bytes32 => uint256) public rings;

    /// Rings as often as it is called: only the caller can see to it that it is once.
    function ring(bytes32 what, uint256 loudness) external payable {
        if (loudness > LIMIT) revert TooLoud(loudness, LIMIT);
        ++rings[what];
        emit Rung(++number, what, msg.sender, loudness, "ding");
    }

    function ringOnce(bytes32 what) external {
        if (rings[what] != 0) revert AlreadyRung(what);
        ++rings[what];
        emit Rung(++number, what, msg.sender, 0, "once");
    }

    function ringUntil(bytes32 what, uint256 until) external {
        if (block.timestamp > until) revert Closed(block.timestamp, until);
        ++rings[what];
        emit Rung(++number, what, msg.sender, 0, "in time");
    }

    function ringMany(uint256 count) external {
        for (uint256 i = 0; i < count; ++i) {
            uint64[] memory notes = new uint64[](2);
            notes[0] = uint64(i);
            notes[1] = type(uint64).max;
            emit Rung(++number, bytes32(i), msg.sender, i, unicode"ding, \u201cdong\u201d");
            emit Pair(number, notes);
        }
    }
}
