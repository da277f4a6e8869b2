// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Dtype} from "../sol/Dtype.sol";
import {vm} from "./Vm.sol";

contract DtypeTest {
    function element(bytes calldata elements, uint256 dtype, uint256 index) external pure returns (uint256) {
        return Dtype.element(elements, dtype, index);
    }

    function load(uint256 dtype, uint256 bits) external pure returns (uint256) {
        return Dtype.load(dtype, bits);
    }

    function test_elementsAreLittleEndianAndDense() public view {
        bytes memory elements = hex"0102030405060708";
        require(this.element(elements, Dtype.F32, 1) == 0x08070605, "f32");
        require(this.element(elements, Dtype.U32, 0) == 0x04030201, "u32");
        require(this.element(elements, Dtype.BF16, 3) == 0x0807, "bf16");
        require(this.element(elements, Dtype.F16, 0) == 0x0201, "f16");
        require(this.element(elements, Dtype.U8, 7) == 0x08, "u8");
    }

    function test_noElementLiesOutsideTheBytes() public {
        vm.expectRevert(abi.encodeWithSelector(Dtype.ElementOutside.selector, 1, 1));
        this.element(hex"01020304050607", Dtype.F32, 1);
    }

    function test_anUnknownDtypeIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(Dtype.DtypeUnknown.selector, 5));
        this.element(hex"0102030405060708", 5, 0);
        vm.expectRevert(abi.encodeWithSelector(Dtype.DtypeUnknown.selector, 5));
        this.load(5, 0);
    }

    /// Canonical bytes are what their own load and store give back, and one round makes any bytes canonical.
    function testFuzz_storeAfterLoadIsCanonical(uint32 bits, uint8 which) public pure {
        uint256 dtype = which % 5;
        uint256 width = 8 * Dtype.size(dtype);
        uint256 canonical = Dtype.store(dtype, Dtype.load(dtype, bits & ((1 << width) - 1)));
        require(canonical >> width == 0, "width");
        require(Dtype.store(dtype, Dtype.load(dtype, canonical)) == canonical, "canonical");
    }

    function test_registers() public pure {
        require(Dtype.register(Dtype.F32) + Dtype.register(Dtype.BF16) + Dtype.register(Dtype.F16) == 0, "f");
        require(Dtype.register(Dtype.U32) == 1 && Dtype.register(Dtype.U8) == 1, "u");
    }
}
