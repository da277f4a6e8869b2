// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SoftFloat} from "../sol/SoftFloat.sol";

/// Laws and well-known values. Bit for bit agreement with the reference is in scalar-machine.test.ts.
contract SoftFloatTest {
    using SoftFloat for uint256;

    uint256 private constant ONE = 0x3f800000;
    uint256 private constant TWO = 0x40000000;
    uint256 private constant INF = 0x7f800000;
    uint256 private constant MINUS = 0x80000000;
    uint256 private constant NAN = 0x7fc00000;
    uint256 private constant LEAST = 0x00000001;
    uint256 private constant LEAST_NORMAL = 0x00800000;
    uint256 private constant MOST = 0x7f7fffff;

    error NotEqual(uint256 got, uint256 wanted);

    function _eq(uint256 got, uint256 wanted) private pure {
        if (got != wanted) revert NotEqual(got, wanted);
    }

    function _number(uint32 a) private pure returns (bool) {
        return a & 0x7fffffff <= INF;
    }

    function _finite(uint32 a) private pure returns (bool) {
        return a & 0x7fffffff < INF;
    }

    // Values ----------------------------------------------------------------------------------------------------

    function test_zerosKeepTheirSignsAsIeeeSays() public pure {
        _eq(MINUS.fadd(MINUS), MINUS);
        _eq(MINUS.fadd(0), 0);
        _eq(uint256(0).fsub(0), 0);
        _eq(MINUS.fsub(0), MINUS);
        _eq(ONE.fsub(ONE), 0);
        _eq(ONE.fmul(MINUS), MINUS);
        _eq(MINUS.fdiv(ONE), MINUS);
        _eq(MINUS.fsqrt(), MINUS);
        _eq(uint256(0).fma(MINUS, MINUS), MINUS);
        _eq(uint256(0).fma(MINUS, 0), 0);
        // docs/numerics.md, "Folds": a failed guard and a padded read differ
        _eq(uint256(0x0d800000).fma(0x8d800000, 0), MINUS);
    }

    function test_infinitiesAndNan() public pure {
        _eq(INF.fsub(INF), NAN);
        _eq(INF.fadd(INF), INF);
        _eq(ONE.fsub(INF), INF | MINUS);
        _eq(INF.fmul(0), NAN);
        _eq(INF.fmul(ONE | MINUS), INF | MINUS);
        _eq(INF.fdiv(INF), NAN);
        _eq(ONE.fdiv(INF | MINUS), MINUS);
        _eq(uint256(0).fdiv(MINUS), NAN);
        _eq(ONE.fdiv(MINUS), INF | MINUS);
        _eq(INF.fsqrt(), INF);
        _eq((INF | MINUS).fsqrt(), NAN);
        _eq((ONE | MINUS).fsqrt(), NAN);
        _eq(INF.fma(0, ONE), NAN);
        _eq(INF.fma(0, INF), NAN);
        _eq(INF.fma(ONE, INF | MINUS), NAN);
        _eq(MOST.fma(MOST, INF | MINUS), INF | MINUS);
        _eq(uint256(0xffffffff).fneg(), NAN);
        _eq(uint256(0xff800001).fabs(), NAN);
    }

    function test_tiesGoToEven() public pure {
        _eq(ONE.fadd(0x33800000), ONE); // 1 + 2^-24
        _eq(uint256(0x3f800001).fadd(0x33800000), 0x3f800002);
        _eq(ONE.fsub(0x33000000), ONE); // 1 - 2^-25
        _eq(uint256(0x3f7fffff).fadd(0x33000000), ONE); // (1 - 2^-24) + 2^-25
        _eq(uint256(0x01000001).u2f(), 0x4b800000); // 2^24 + 1
        _eq(uint256(0x01000003).u2f(), 0x4b800002);
        _eq(uint256(0xffffffff).u2f(), 0x4f800000);
        _eq(uint256(0xffffffff).i2f(), ONE | MINUS);
        _eq(uint256(0x80000000).i2f(), 0xcf000000);
    }

    function test_oneRoundingInFma() public pure {
        // (1 + 2^-12)^2 - (1 + 2^-11) = 2^-24, which two roundings lose
        _eq(uint256(0x3f800800).fma(0x3f800800, 0xbf801000), 0x33800000);
        // Products of about half the least subnormal: the tie goes to even, and a little more breaks it.
        _eq(uint256(0x20000000).fma(0x14000000, 0), 0);
        _eq(uint256(0x20000001).fma(0x14000000, 0), LEAST);
        _eq(uint256(0x20000000).fma(0x14000000, LEAST), 2);
        _eq(uint256(0x20000000).fma(0x94000000, 2), 2);
        _eq(uint256(0x20000001).fma(0x94000000, 2), LEAST);
    }

    function test_subnormalsAreKept() public pure {
        _eq(LEAST.fadd(LEAST), 2);
        _eq(LEAST_NORMAL.fsub(LEAST), 0x007fffff);
        _eq(LEAST_NORMAL.fdiv(TWO), 0x00400000);
        _eq(LEAST.fdiv(TWO), 0); // a tie to zero
        _eq(uint256(3).fdiv(TWO), 2);
        _eq(LEAST.fsqrt(), 0x1a3504f3);
        _eq(LEAST.fmul(ONE), LEAST);
        _eq(LEAST.fmul(MOST), 0x34ffffff);
    }

    function test_overflowIsInfinity() public pure {
        _eq(MOST.fadd(MOST), INF);
        _eq(MOST.fadd(0x73000000), INF); // half a unit: the tie goes up
        _eq(MOST.fadd(0x72ffffff), MOST);
        _eq(MOST.fmul(TWO), INF);
        _eq(MOST.fdiv(LEAST), INF);
        _eq(MOST.fma(MOST, MINUS), INF);
    }

    function test_conversionsTruncateAndSaturate() public pure {
        _eq(uint256(0x3fffffff).f2i(), 1);
        _eq(uint256(0xbfffffff).f2i(), 0xffffffff);
        _eq(uint256(0x4f000000).f2i(), 0x7fffffff);
        _eq(uint256(0xcf000000).f2i(), 0x80000000);
        _eq((INF | MINUS).f2i(), 0x80000000);
        _eq(NAN.f2i(), 0);
        _eq(uint256(0x4f7fffff).f2u(), 0xffffff00);
        _eq(INF.f2u(), 0xffffffff);
        _eq((ONE | MINUS).f2u(), 0);
        _eq(uint256(0xffc00000).f2u(), 0);
    }

    function test_narrowingRoundsAndKeepsSubnormals() public pure {
        _eq(uint256(0x3f808000).toBf16(), 0x3f80);
        _eq(uint256(0x3f818000).toBf16(), 0x3f82);
        _eq(MOST.toBf16(), 0x7f80);
        _eq(LEAST.toBf16(), 0);
        _eq(uint256(0x00018000).toBf16(), 0x0002);
        _eq(uint256(0xffffffff).toBf16(), 0x7fc0);
        _eq(uint256(0x477fefff).toF16(), 0x7bff);
        _eq(uint256(0x477ff000).toF16(), 0x7c00);
        _eq(uint256(0x33800000).toF16(), 0x0001); // 2^-24
        _eq(uint256(0x33000000).toF16(), 0x0000); // 2^-25, a tie
        _eq(uint256(0xb3000001).toF16(), 0x8001);
        _eq((INF | MINUS).toF16(), 0xfc00);
        _eq(uint256(0xff800001).toF16(), 0x7e00);
    }

    function test_everyBinary16ComesBack() public pure {
        for (uint256 h = 0; h < 0x10000; ++h) {
            bool nan = h & 0x7fff > 0x7c00;
            _eq(h.fromF16().toF16(), nan ? 0x7e00 : h);
        }
    }

    function test_everyBfloat16ComesBack() public pure {
        for (uint256 h = 0; h < 0x10000; ++h) {
            bool nan = h & 0x7fff > 0x7f80;
            _eq(h.fromBf16().toBf16(), nan ? 0x7fc0 : h);
        }
    }

    // Laws ------------------------------------------------------------------------------------------------------

    function testFuzz_sumsAndProductsCommute(uint32 a, uint32 b, uint32 c) public pure {
        _eq(uint256(a).fadd(b), uint256(b).fadd(a));
        _eq(uint256(a).fmul(b), uint256(b).fmul(a));
        _eq(uint256(a).fma(b, c), uint256(b).fma(a, c));
    }

    function testFuzz_fmaWithAnIdentityIsTheSumOrTheProduct(uint32 a, uint32 b) public pure {
        _eq(uint256(a).fma(ONE, b), uint256(a).fadd(b));
        // Where the product underflows to a zero, -0 is no identity: the sum's exact sign survives.
        _eq(uint256(a).fma(b, MINUS), uint256(a).fmul(b));
    }

    function testFuzz_subtractionIsAdditionOfTheNegative(uint32 a, uint32 b) public pure {
        _eq(uint256(a).fsub(b), uint256(a).fadd(uint256(b).fneg()));
        _eq(uint256(a).fsub(b), uint256(b).fsub(a).fneg() == MINUS ? 0 : uint256(b).fsub(a).fneg());
    }

    function testFuzz_productsAndQuotientsByPowersOfTwoAreExact(uint32 a) public pure {
        _eq(uint256(a).fmul(ONE), uint256(a).canonical());
        _eq(uint256(a).fdiv(ONE), uint256(a).canonical());
        _eq(uint256(a).fmul(TWO), uint256(a).fadd(a));
        _eq(uint256(a).fdiv(TWO), uint256(a).fmul(0x3f000000));
    }

    /// No number is nearer to a / b than the quotient: the remainder is at most that of its neighbours.
    function testFuzz_theQuotientIsNearest(uint32 a, uint32 b) public pure {
        uint256 x = uint256(a) & 0x007fffff | ONE;
        uint256 y = uint256(b) & 0x007fffff | ONE;
        uint256 q = x.fdiv(y);
        // x = m 2^-23, y = n 2^-23, q = k 2^(e-24): compare k n with m 2^(24-e) 2^23
        uint256 m = (x & 0x7fffff) | 0x800000;
        uint256 n = (y & 0x7fffff) | 0x800000;
        uint256 k = (q & 0x7fffff) | 0x800000;
        uint256 scale = q < ONE ? 24 : 23;
        int256 rest = int256(m << scale) - int256(k * n);
        if (rest < 0) rest = -rest;
        require(uint256(rest) * 2 <= n, "nearest");
    }

    /// The root lies between the midpoints to its neighbours.
    function testFuzz_theRootIsNearest(uint32 a) public pure {
        uint256 x = uint256(a) & 0x7fffffff;
        if (x < LEAST_NORMAL || x >= INF) return;
        uint256 r = x.fsqrt();
        uint256 m = (x & 0x7fffff) | 0x800000;
        uint256 k = (r & 0x7fffff) | 0x800000;
        // x = m 2^(e-150), r = k 2^(f-150): r^2 2^300 = k^2 2^(2f), x 2^300 = m 2^(e+150); halves need 2 bits more
        uint256 e = x >> 23;
        uint256 f = r >> 23;
        uint256 left = 2 * f;
        uint256 right = e + 150;
        uint256 low = (2 * k - 1) ** 2;
        uint256 high = (2 * k + 1) ** 2;
        uint256 square = 4 * m << (right - left);
        require(low < square && square < high, "nearest");
    }

    function testFuzz_wholeNumbersOf24BitsComeBack(uint32 a) public pure {
        uint256 n = a & 0xffffff;
        _eq(n.u2f().f2u(), n);
        _eq(n.i2f().f2i(), n);
        uint256 negative = (0x100000000 - n) & 0xffffffff;
        _eq(negative.i2f().f2i(), negative);
    }

    function testFuzz_numbersAreOrdered(uint32 a, uint32 b) public pure {
        uint256 x = a;
        uint256 y = b;
        if (!_number(a) || !_number(b)) {
            _eq(x.flt(y) + y.flt(x) + x.feq(y) + x.fle(y) + y.fle(x), 0);
            return;
        }
        _eq(x.flt(y) + y.flt(x) + x.feq(y), 1);
        _eq(x.fle(y), x.flt(y) + x.feq(y));
        // The difference of two numbers that differ is never zero: underflow is gradual.
        if (_finite(a) && _finite(b)) _eq(x.fsub(y) & 0x7fffffff == 0 ? 1 : 0, x.feq(y));
    }
}
