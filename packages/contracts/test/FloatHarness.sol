// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SoftFloat} from "../sol/SoftFloat.sol";

/// Single operations of SoftFloat, each with the gas it took.
contract FloatHarness {
    function fadd(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.fadd(a, b);
        g -= gasleft();
    }

    function fsub(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.fsub(a, b);
        g -= gasleft();
    }

    function fmul(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.fmul(a, b);
        g -= gasleft();
    }

    function fdiv(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.fdiv(a, b);
        g -= gasleft();
    }

    function fsqrt(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.fsqrt(a);
        g -= gasleft();
    }

    function fma(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.fma(a, b, c);
        g -= gasleft();
    }

    function fneg(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.fneg(a);
        g -= gasleft();
    }

    function flt(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.flt(a, b);
        g -= gasleft();
    }

    function f2i(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.f2i(a);
        g -= gasleft();
    }

    function u2f(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.u2f(a);
        g -= gasleft();
    }

    function toBf16(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.toBf16(a);
        g -= gasleft();
    }

    function toF16(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.toF16(a);
        g -= gasleft();
    }

    function fromF16(uint256 a, uint256 b, uint256 c) external view returns (uint256 r, uint256 g) {
        g = gasleft();
        r = SoftFloat.fromF16(a);
        g -= gasleft();
    }
}
