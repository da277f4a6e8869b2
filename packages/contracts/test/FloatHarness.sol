// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SoftFloat} from "../sol/SoftFloat.sol";

/// Single operations of SoftFloat behind one call, so that a test can price them.
contract FloatHarness {
    function nothing(uint256 a, uint256, uint256) external pure returns (uint256) {
        return a;
    }

    function fadd(uint256 a, uint256 b, uint256) external pure returns (uint256) {
        return SoftFloat.fadd(a, b);
    }

    function fsub(uint256 a, uint256 b, uint256) external pure returns (uint256) {
        return SoftFloat.fsub(a, b);
    }

    function fmul(uint256 a, uint256 b, uint256) external pure returns (uint256) {
        return SoftFloat.fmul(a, b);
    }

    function fdiv(uint256 a, uint256 b, uint256) external pure returns (uint256) {
        return SoftFloat.fdiv(a, b);
    }

    function fsqrt(uint256 a, uint256, uint256) external pure returns (uint256) {
        return SoftFloat.fsqrt(a);
    }

    function fma(uint256 a, uint256 b, uint256 c) external pure returns (uint256) {
        return SoftFloat.fma(a, b, c);
    }
}
