// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SoftFloat} from "./SoftFloat.sol";

/// @title Loads and stores
/// @notice What a tensor's elements are in a register (docs/numerics.md, "Loads and stores"). A dtype is its code:
/// 0 f32, 1 u32, 2 bf16, 3 f16, 4 u8.
library Dtype {
    using SoftFloat for uint256;

    uint256 internal constant F32 = 0;
    uint256 internal constant U32 = 1;
    uint256 internal constant BF16 = 2;
    uint256 internal constant F16 = 3;
    uint256 internal constant U8 = 4;

    error DtypeUnknown(uint256 dtype);
    error ElementOutside(uint256 index, uint256 count);

    /// @return Bytes of an element
    function size(uint256 dtype) internal pure returns (uint256) {
        if (dtype > U8) revert DtypeUnknown(dtype);
        return dtype < BF16 ? 4 : dtype == U8 ? 1 : 2;
    }

    /// @return 0 for an f register, 1 for a u register
    function register(uint256 dtype) internal pure returns (uint256) {
        if (dtype > U8) revert DtypeUnknown(dtype);
        return dtype == U32 || dtype == U8 ? 1 : 0;
    }

    /// @param bits An element's bytes as one number.
    /// @return The register word
    function load(uint256 dtype, uint256 bits) internal pure returns (uint256) {
        if (dtype == F32) return bits.canonical();
        if (dtype == BF16) return bits.fromBf16();
        if (dtype == F16) return bits.fromF16();
        if (dtype > U8) revert DtypeUnknown(dtype);
        return bits;
    }

    /// @param word A register word.
    /// @return The element's bytes as one number
    function store(uint256 dtype, uint256 word) internal pure returns (uint256) {
        if (dtype == F32) return word.canonical();
        if (dtype == U32) return word;
        if (dtype == BF16) return word.toBf16();
        if (dtype == F16) return word.toF16();
        if (dtype > U8) revert DtypeUnknown(dtype);
        return word & 0xff;
    }

    /// @return bits The bytes of one element of a dense little-endian tensor, or of a leaf of one, as one number
    function element(bytes calldata elements, uint256 dtype, uint256 index) internal pure returns (uint256 bits) {
        uint256 width = size(dtype);
        uint256 count = elements.length / width;
        if (index >= count) revert ElementOutside(index, count);
        assembly ("memory-safe") {
            let word := calldataload(add(elements.offset, mul(index, width)))
            bits := byte(0, word)
            if gt(width, 1) { bits := or(bits, shl(8, byte(1, word))) }
            if gt(width, 2) { bits := or(bits, or(shl(16, byte(2, word)), shl(24, byte(3, word)))) }
        }
    }
}
