// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IEEE 754 binary32 in integers
/// @notice Every operation is correctly rounded to nearest, ties to even; subnormals are kept; there are no flags. A
/// NaN operand may have any payload, a NaN result is 0x7fc00000. Words are patterns below 2^32 (docs/numerics.md).
///
/// How it works: a finite number is written as `m * 2^(T - 300)` with integers m and T, so that a factor m with the
/// biased exponent field x (1 where the field is 0) has T = x + 150, and a product has the sum of both fields. An
/// operation forms its result in that form, exactly or with its lowest bit standing for "and a bit more", and `_round`
/// is the only place that rounds. 256 bits are wide enough for everything that is exact.
library SoftFloat {
    uint256 internal constant NAN = 0x7fc00000;
    uint256 internal constant INFINITY = 0x7f800000;
    uint256 internal constant SIGN = 0x80000000;
    uint256 internal constant MAGNITUDE = 0x7fffffff;

    /// Terms further apart than this cannot both matter: the lesser is below half a unit in the last place of the
    /// sum, wherever under that it is. (A factor is subnormal only where the distance is less than this.)
    uint256 private constant REACH = 128;

    // Arithmetic ------------------------------------------------------------------------------------------------

    /// @return a + b
    function fadd(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            uint256 x = (a >> 23) & 0xff;
            uint256 y = (b >> 23) & 0xff;
            if ((x ^ 255) * (y ^ 255) == 0) return _addSpecial(a, b);
            (uint256 m, uint256 s) = _unpack(a, x);
            (uint256 n, uint256 t) = _unpack(b, y);
            return _sum(a, m, s + 150, b, n, t + 150);
        }
    }

    /// @return a - b
    function fsub(uint256 a, uint256 b) internal pure returns (uint256) {
        return fadd(a, b ^ SIGN);
    }

    /// @return a * b
    function fmul(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            uint256 x = (a >> 23) & 0xff;
            uint256 y = (b >> 23) & 0xff;
            if ((x ^ 255) * (y ^ 255) == 0) return _mulSpecial(a, b);
            (uint256 m, uint256 s) = _unpack(a, x);
            (uint256 n, uint256 t) = _unpack(b, y);
            return _pack((a ^ b) & SIGN, m * n, s + t);
        }
    }

    /// @return a * b + c with one rounding
    function fma(uint256 a, uint256 b, uint256 c) internal pure returns (uint256) {
        unchecked {
            uint256 x = (a >> 23) & 0xff;
            uint256 y = (b >> 23) & 0xff;
            uint256 z = (c >> 23) & 0xff;
            if ((x ^ 255) * (y ^ 255) * (z ^ 255) == 0) {
                // A finite product only has to be finite here: its value no longer matters beside an infinity.
                return _addSpecial((x ^ 255) * (y ^ 255) == 0 ? _mulSpecial(a, b) : 0, c);
            }
            (uint256 m, uint256 s) = _unpack(a, x);
            (uint256 n, uint256 t) = _unpack(b, y);
            (uint256 o, uint256 u) = _unpack(c, z);
            return _sum(a ^ b, m * n, s + t, c, o, u + 150);
        }
    }

    /// @return a / b
    function fdiv(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            uint256 sign = (a ^ b) & SIGN;
            uint256 x = (a >> 23) & 0xff;
            uint256 y = (b >> 23) & 0xff;
            if ((x ^ 255) * (y ^ 255) == 0) {
                if (_isNan(a) || _isNan(b) || x == y) return NAN;
                return x == 255 ? sign | INFINITY : sign;
            }
            (uint256 m, uint256 s) = _unpack(a, x);
            (uint256 n, uint256 t) = _unpack(b, y);
            if (n == 0) return m == 0 ? NAN : sign | INFINITY;
            // At least 36 bits of quotient and then one that says whether there is more.
            m <<= 60;
            uint256 q;
            assembly ("memory-safe") {
                q := div(m, n)
                q := or(shl(1, q), lt(mul(q, n), m))
            }
            return _pack(sign, q, s - t + 239);
        }
    }

    /// @return The square root of a; of -0, -0; of any other number below zero, NaN
    function fsqrt(uint256 a) internal pure returns (uint256) {
        unchecked {
            if (a & MAGNITUDE == 0) return a;
            if (a >= INFINITY) return a == INFINITY ? a : NAN; // also every number with the sign
            (uint256 m, uint256 t) = _unpack(a, a >> 23);
            // Normalise m to 51 or 52 bits, such that the exponent of two is even: the root has 26 bits.
            uint256 shift;
            assembly ("memory-safe") {
                shift := sub(clz(m), 204)
                shift := sub(shift, and(xor(shift, t), 1))
            }
            m <<= shift;
            // Newton from above: the first guess is at most twice the root, and each step squares its error.
            uint256 r;
            assembly ("memory-safe") {
                r := shr(1, add(0x4000000, shr(26, m)))
                r := shr(1, add(r, div(m, r)))
                r := shr(1, add(r, div(m, r)))
                r := shr(1, add(r, div(m, r)))
                r := shr(1, add(r, div(m, r)))
                // Now it is the root's integer part or one more.
                r := sub(r, gt(mul(r, r), m))
                r := or(shl(1, r), lt(mul(r, r), m))
            }
            return _pack(0, r, ((t - shift + 150) >> 1) + 149);
        }
    }

    /// @return a with its sign flipped; of a NaN, NaN
    function fneg(uint256 a) internal pure returns (uint256) {
        return _isNan(a) ? NAN : a ^ SIGN;
    }

    /// @return a without its sign; of a NaN, NaN
    function fabs(uint256 a) internal pure returns (uint256) {
        return _isNan(a) ? NAN : a & MAGNITUDE;
    }

    // Comparisons: 1 or 0, and 0 where either is NaN ----------------------------------------------------------------

    function flt(uint256 a, uint256 b) internal pure returns (uint256 holds) {
        (int256 p, int256 q, uint256 ordered) = _places(a, b);
        assembly ("memory-safe") {
            holds := and(ordered, slt(p, q))
        }
    }

    function fle(uint256 a, uint256 b) internal pure returns (uint256 holds) {
        (int256 p, int256 q, uint256 ordered) = _places(a, b);
        assembly ("memory-safe") {
            holds := and(ordered, iszero(sgt(p, q)))
        }
    }

    function feq(uint256 a, uint256 b) internal pure returns (uint256 holds) {
        (int256 p, int256 q, uint256 ordered) = _places(a, b);
        assembly ("memory-safe") {
            holds := and(ordered, eq(p, q))
        }
    }

    // Conversions -----------------------------------------------------------------------------------------------

    /// @return a truncated toward zero and saturated to [-2^31, 2^31 - 1], two's complement; 0 for a NaN
    function f2i(uint256 a) internal pure returns (uint256) {
        unchecked {
            if (_isNan(a)) return 0;
            uint256 x = (a >> 23) & 0xff;
            if (x >= 158) return a & SIGN == 0 ? 0x7fffffff : 0x80000000;
            uint256 magnitude = _truncate(a, x);
            return a & SIGN == 0 ? magnitude : (0x100000000 - magnitude) & 0xffffffff;
        }
    }

    /// @return a truncated toward zero and saturated to [0, 2^32 - 1]; 0 for a NaN
    function f2u(uint256 a) internal pure returns (uint256) {
        unchecked {
            if (_isNan(a) || a & SIGN != 0) return 0;
            uint256 x = a >> 23;
            return x >= 159 ? 0xffffffff : _truncate(a, x);
        }
    }

    /// @return The binary32 nearest to the two's complement word a
    function i2f(uint256 a) internal pure returns (uint256) {
        unchecked {
            return a & SIGN == 0 ? _pack(0, a, 300) : _pack(SIGN, 0x100000000 - a, 300);
        }
    }

    /// @return The binary32 nearest to the unsigned word a
    function u2f(uint256 a) internal pure returns (uint256) {
        return _pack(0, a, 300);
    }

    /// @return The 16 bits of a as bfloat16
    function toBf16(uint256 a) internal pure returns (uint256) {
        unchecked {
            return _isNan(a) ? NAN >> 16 : (a + 0x7fff + ((a >> 16) & 1)) >> 16;
        }
    }

    /// @return The binary32 that the 16 bits of a bfloat16 stand for
    function fromBf16(uint256 h) internal pure returns (uint256) {
        return canonical(h << 16);
    }

    /// @return The 16 bits of a as binary16
    function toF16(uint256 a) internal pure returns (uint256) {
        unchecked {
            if (_isNan(a)) return 0x7e00;
            uint256 sign = (a & SIGN) >> 16;
            (uint256 m, uint256 s) = _unpack(a, (a >> 23) & 0xff);
            // An infinity goes in as 2^128 and comes out as one: the limit is far below.
            uint256 pattern = _round(m, s + 150, 11, 300);
            return sign | (pattern < 0x7c00 ? pattern : 0x7c00);
        }
    }

    /// @return The binary32 that the 16 bits of a binary16 stand for
    function fromF16(uint256 h) internal pure returns (uint256) {
        unchecked {
            uint256 sign = (h & 0x8000) << 16;
            uint256 x = (h >> 10) & 0x1f;
            uint256 m = h & 0x3ff;
            if (x == 31) return m == 0 ? sign | INFINITY : NAN;
            if (x == 0) return _pack(sign, m, 276);
            return sign | ((x + 112) << 23) | (m << 13);
        }
    }

    /// @return a, with every NaN pattern as the one NaN
    function canonical(uint256 a) internal pure returns (uint256) {
        return _isNan(a) ? NAN : a;
    }

    // Inside ------------------------------------------------------------------------------------------------------

    function _isNan(uint256 a) private pure returns (bool) {
        return a & MAGNITUDE > INFINITY;
    }

    /// The places of two numbers among the numbers, the same for both zeros; `ordered` is 0 where either is a NaN.
    function _places(uint256 a, uint256 b) private pure returns (int256 p, int256 q, uint256 ordered) {
        assembly ("memory-safe") {
            p := and(a, 0x7fffffff)
            q := and(b, 0x7fffffff)
            ordered := and(lt(p, 0x7f800001), lt(q, 0x7f800001))
            // x xor -1, plus 1, is -x
            let negative := shr(31, a)
            p := add(xor(p, sub(0, negative)), negative)
            negative := shr(31, b)
            q := add(xor(q, sub(0, negative)), negative)
        }
    }

    /// The factor and the exponent field, 1 instead of 0: of a with the field x.
    function _unpack(uint256 a, uint256 x) private pure returns (uint256 m, uint256 exponent) {
        assembly ("memory-safe") {
            let subnormal := iszero(x)
            m := or(and(a, 0x7fffff), shl(23, iszero(subnormal)))
            exponent := add(x, subnormal)
        }
    }

    /// The integer part of |a| for a field x below 232.
    function _truncate(uint256 a, uint256 x) private pure returns (uint256) {
        return (((a & 0x7fffff) | 0x800000) << x) >> 150;
    }

    /// The binary32 nearest to m * 2^(t - 300) + n * 2^(u - 300), with the signs of the words a and b. One of m and n
    /// is below 2^24, the other below 2^48.
    function _sum(uint256 a, uint256 m, uint256 t, uint256 b, uint256 n, uint256 u) private pure returns (uint256) {
        uint256 sign;
        assembly ("memory-safe") {
            let up := sub(t, u)
            let down := sub(u, t)
            switch slt(up, 0)
            case 0 {
                up := xor(REACH, mul(xor(up, REACH), lt(up, REACH)))
                m := shl(up, m)
                t := sub(t, up)
            }
            default {
                down := xor(REACH, mul(xor(down, REACH), lt(down, REACH)))
                n := shl(down, n)
                t := sub(u, down)
            }
            // The sum in two's complement, where x xor -1, plus 1, is -x.
            a := shr(31, a)
            b := shr(31, b)
            m := add(add(xor(m, sub(0, a)), a), add(xor(n, sub(0, b)), b))
            let negative := shr(255, m)
            m := add(xor(m, sub(0, negative)), negative)
            // Two negative zeros give -0; equal terms of opposite sign give +0.
            sign := shl(31, or(negative, and(a, b)))
        }
        return _pack(sign, m, t);
    }

    /// The binary32 nearest to m * 2^(t - 300), with that sign bit.
    function _pack(uint256 sign, uint256 m, uint256 t) private pure returns (uint256 pattern) {
        pattern = _round(m, t, 24, 175);
        assembly ("memory-safe") {
            pattern := or(sign, xor(INFINITY, mul(xor(pattern, INFINITY), lt(pattern, INFINITY))))
        }
    }

    /// @dev Rounds m * 2^(t - 300), m not above 2^231, to a binary format with `digits` significant bits and a least
    /// positive number of 2^(least - 324), and returns the pattern without sign. The exponent may run past the format's
    /// largest: the caller turns that into an infinity. A carry out of the significand lands in the exponent field,
    /// where it belongs, and so does the leading bit of a number that rounding makes normal.
    function _round(uint256 m, uint256 t, uint256 digits, uint256 least) private pure returns (uint256 pattern) {
        assembly ("memory-safe") {
            // 24 zeros below m make the number of bits to drop positive, so there is one direction to shift.
            let unit := add(sub(sub(280, digits), clz(m)), t)
            unit := xor(unit, mul(xor(unit, least), slt(unit, least)))
            let drop := sub(unit, t)
            let wide := shl(24, m)
            // Half a unit less one, plus the bit that makes a tie even.
            let half := add(sub(shl(sub(drop, 1), 1), 1), and(shr(drop, wide), 1))
            pattern := add(shl(sub(digits, 1), sub(unit, least)), shr(drop, add(wide, half)))
            pattern := mul(pattern, iszero(iszero(m)))
        }
    }

    /// a + b where at least one is not finite.
    function _addSpecial(uint256 a, uint256 b) private pure returns (uint256) {
        if (_isNan(a) || _isNan(b)) return NAN;
        if (a & MAGNITUDE != INFINITY) return b;
        return b & MAGNITUDE == INFINITY && a != b ? NAN : a;
    }

    /// a * b where at least one is not finite.
    function _mulSpecial(uint256 a, uint256 b) private pure returns (uint256) {
        if (_isNan(a) || _isNan(b) || a & MAGNITUDE == 0 || b & MAGNITUDE == 0) return NAN;
        return ((a ^ b) & SIGN) | INFINITY;
    }
}
