// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FloatHarness} from "./FloatHarness.sol";
import {vm} from "./Vm.sol";

contract FloatTest {
    function test_gas() public {
        FloatHarness h = new FloatHarness();
        _price("fadd", h.fadd);
        _price("fsub", h.fsub);
        _price("fmul", h.fmul);
        _price("fdiv", h.fdiv);
        _price("fsqrt", h.fsqrt);
        _price("fma", h.fma);
        _price("fneg", h.fneg);
        _price("flt", h.flt);
        _price("f2i", h.f2i);
        _price("u2f", h.u2f);
        _price("toBf16", h.toBf16);
        _price("toF16", h.toF16);
        _price("fromF16", h.fromF16);
    }

    function _price(string memory name, function(uint256, uint256, uint256) external view returns (uint256, uint256) f)
        private
    {
        (, uint256 g) = f(0x3fc90fdb, 0x3f8ccccd, 0xc0490fdb);
        vm.snapshotValue("SoftFloat", name, g);
    }
}
