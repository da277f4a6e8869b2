// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Elements} from "../sol/Elements.sol";

contract ElementsTest {
    function bits(bytes calldata elements, uint256 dtype, uint256 index) external pure returns (uint256) {
        uint256 data;
        assembly ("memory-safe") {
            data := elements.offset
        }
        return Elements.bits(dtype, data, index);
    }

    function test_elementsAreLittleEndianAndDense() public view {
        bytes memory elements = hex"0102030405060708";
        require(this.bits(elements, Elements.F32, 1) == 0x08070605, "f32");
        require(this.bits(elements, Elements.U32, 0) == 0x04030201, "u32");
        require(this.bits(elements, Elements.BF16, 3) == 0x0807, "bf16");
        require(this.bits(elements, Elements.F16, 0) == 0x0201, "f16");
        require(this.bits(elements, Elements.U8, 7) == 0x08, "u8");
    }

    /// Canonical bytes are what their own load and store give back, and one round makes any bytes canonical.
    function testFuzz_storeAfterLoadIsCanonical(uint32 any, uint8 which) public pure {
        uint256 dtype = which % 5;
        uint256 width = 8 * Elements.size(dtype);
        uint256 canonical = Elements.store(dtype, Elements.load(dtype, any & (2 ** width - 1)));
        require(canonical >> width == 0, "width");
        require(Elements.store(dtype, Elements.load(dtype, canonical)) == canonical, "canonical");
    }

    function test_registers() public pure {
        require(Elements.register(Elements.F32) + Elements.register(Elements.F16) == 0, "f");
        require(Elements.register(Elements.BF16) == 0, "f");
        require(Elements.register(Elements.U32) == 1 && Elements.register(Elements.U8) == 1, "u");
    }
}
