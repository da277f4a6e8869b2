// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SoftFloat} from "./SoftFloat.sol";

/// @title Loads and stores of tensor elements
/// @notice The table "Loads and stores" of docs/numerics.md. Bits are an element's bytes read as a little-endian number.
library Elements {
    uint256 internal constant F32 = 0;
    uint256 internal constant U32 = 1;
    uint256 internal constant BF16 = 2;
    uint256 internal constant F16 = 3;
    uint256 internal constant U8 = 4;

    /// @return How many bytes an element of a dtype below 5 takes
    function size(uint256 dtype) internal pure returns (uint256) {
        return dtype < BF16 ? 4 : dtype == U8 ? 1 : 2;
    }

    /// @return 0 for the register f, 1 for u
    function register(uint256 dtype) internal pure returns (uint256) {
        return dtype == U32 || dtype == U8 ? 1 : 0;
    }

    /// @return word The bits of element `index` of bytes that begin at `data` of the calldata
    /// @dev The caller has made sure that the element lies in them.
    function bits(uint256 dtype, uint256 data, uint256 index) internal pure returns (uint256 word) {
        unchecked {
            uint256 width = size(dtype);
            assembly ("memory-safe") {
                word := shr(224, calldataload(add(data, mul(index, width))))
            }
            // The four bytes are b0 b1 b2 b3; the first is the lowest.
            if (width == 1) return word >> 24;
            if (width == 2) return (word >> 24) | ((word >> 8) & 0xff00);
            return (word >> 24) | ((word >> 8) & 0xff00) | ((word << 8) & 0xff0000) | ((word << 24) & 0xff000000);
        }
    }

    /// @return The register word of an element's bits
    function load(uint256 dtype, uint256 element) internal pure returns (uint256) {
        if (dtype == F32) return SoftFloat.canonical(element);
        if (dtype == BF16) return SoftFloat.fromBf16(element);
        if (dtype == F16) return SoftFloat.fromF16(element);
        return element;
    }

    /// @return The bits of the element that a register word is stored as
    function store(uint256 dtype, uint256 word) internal pure returns (uint256) {
        if (dtype == F32) return SoftFloat.canonical(word);
        if (dtype == BF16) return SoftFloat.toBf16(word);
        if (dtype == F16) return SoftFloat.toF16(word);
        return dtype == U8 ? word & 0xff : word;
    }
}
