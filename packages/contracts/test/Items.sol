// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Pieces of item encodings, named so that a test can be read.
library Items {
    bytes internal constant NO_TERMS = hex"0000000000"; // the affine form 0
    bytes internal constant C0 = hex"00000000010000000001"; // coordinate 0
    bytes internal constant C1 = hex"00000000010100000001"; // coordinate 1
    bytes internal constant NO_PAD = hex"00";
    bytes internal constant DOUBLE = hex"01010001" // u -> u: a + a
        hex"200000" hex"01";
    bytes internal constant SUM = hex"0201010001" // u, u -> u: a + b
        hex"200001" hex"02";
    bytes internal constant COUNT = hex"01010002" // u -> u: a + 1
        hex"0100000001" hex"200001" hex"02";

    function affine(int32 base, uint8 coordinate, int32 by) internal pure returns (bytes memory) {
        return abi.encodePacked(base, uint8(1), coordinate, by);
    }

    function dims(uint32 a) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(1), a);
    }

    function dims(uint32 a, uint32 b) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(2), a, b);
    }

    /// A read with one affine coordinate.
    function read(uint8 from, uint16 index, uint8 dtype, uint32 extent, bytes memory form, bytes memory pad)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(from, index, dtype, dims(extent), hex"00", form, pad);
    }

    /// A word read with one affine coordinate.
    function word(uint8 from, uint16 index, uint8 dtype, uint32 extent, bytes memory form)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(hex"01", from, index, dtype, dims(extent), form);
    }

    function map(uint8 dtype, bytes memory shape, bytes memory reads, bytes memory program)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(hex"00", dtype, shape, reads, program);
    }

    function fold(
        uint8 kind,
        uint8 dtype,
        bytes memory shape,
        bytes memory box,
        bytes memory reads,
        bytes memory guards,
        bytes memory rest
    ) internal pure returns (bytes memory) {
        return abi.encodePacked(kind, dtype, shape, box, reads, guards, rest);
    }

    function join(uint8 left, uint16 leftIndex, uint8 right, uint16 rightIndex) internal pure returns (bytes memory) {
        return abi.encodePacked(hex"04", left, leftIndex, right, rightIndex);
    }
}

/// Tensors and trees, the slow way.
library Digests {
    function leaf(bytes memory data) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(uint8(0), data));
    }

    function parent(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return left | right == 0 ? bytes32(0) : sha256(abi.encodePacked(uint8(1), left, right));
    }

    function tensor(bytes memory header, bytes32 root) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(uint8(2), header, root));
    }

    function path() internal pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }

    function path(bytes32 a) internal pure returns (bytes32[] memory list) {
        list = new bytes32[](1);
        list[0] = a;
    }

    function path(bytes32 a, bytes32 b) internal pure returns (bytes32[] memory list) {
        list = new bytes32[](2);
        (list[0], list[1]) = (a, b);
    }

    /// Little-endian words.
    function words(uint32[4] memory values) internal pure returns (bytes memory data) {
        for (uint256 i = 0; i < 4; ++i) {
            data = abi.encodePacked(data, swap(values[i]));
        }
    }

    function swap(uint32 value) internal pure returns (uint32) {
        return (value >> 24) | ((value >> 8) & 0xff00) | ((value << 8) & 0xff0000) | (value << 24);
    }
}
