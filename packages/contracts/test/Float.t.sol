// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FloatHarness} from "./FloatHarness.sol";
import {vm} from "./Vm.sol";

contract FloatTest {
    function test_gas() public {
        FloatHarness h = new FloatHarness();
        _price(h, "nothing", h.nothing);
        _price(h, "fadd", h.fadd);
        _price(h, "fsub", h.fsub);
        _price(h, "fmul", h.fmul);
        _price(h, "fdiv", h.fdiv);
        _price(h, "fsqrt", h.fsqrt);
        _price(h, "fma", h.fma);
    }

    function _price(
        FloatHarness h,
        string memory name,
        function(uint256, uint256, uint256) external pure returns (uint256) f
    ) private {
        uint256 a = 0x3fc90fdb;
        uint256 b = 0x3f8ccccd;
        uint256 c = 0xc0490fdb;
        h.nothing(a, b, c);
        uint256 g = gasleft();
        h.nothing(a, b, c);
        g -= gasleft();
        uint256 k = gasleft();
        f(a, b, c);
        k -= gasleft();
        vm.snapshotValue("SoftFloat", name, k - g);
    }
}
