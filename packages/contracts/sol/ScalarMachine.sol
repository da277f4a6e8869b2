// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SoftFloat} from "./SoftFloat.sol";

/// What is wrong with an encoded scalar program.
enum ScalarFault {
    Arguments, // not as many arguments as were given
    Register, // a register code that is neither f nor u
    Values, // more than 256 arguments and instructions
    Opcode, // no such instruction
    Operand, // not an earlier value, or one in the wrong register
    Coordinate, // no such coordinate of the iteration space
    Result, // not a value
    Truncated // the bytes end before the program does
}

/// @title The interpreter of scalar programs
/// @notice Runs one scalar program from its canonical encoding (docs/numerics.md, "Scalar instructions" and
/// "Canonical encoding"). It is total: bytes that are no well-formed program revert with `ScalarMalformed`, and no
/// read or write leaves the program, the values or the coordinates. Registers are checked because a program's
/// identity is only a hash here: nobody has proved to the chain that the bytes below it make sense.
library ScalarMachine {
    using SoftFloat for uint256;

    /// @param value The number of the value, argument or instruction, at which the fault was noticed.
    error ScalarMalformed(uint256 value, ScalarFault fault);

    uint256 private constant WORD = 0xffffffff;
    uint256 private constant MOST_VALUES = 256;
    /// A bit for each opcode that there is.
    uint256 private constant OPCODES = 0xff00011fff07ff0007;

    /// A value carries its register above its 32 bits, so that one mask checks all operands of an instruction.
    uint256 private constant F = 1 << 32;
    uint256 private constant U = 1 << 33;

    /// @notice Runs the scalar program that starts at `offset` of `program`.
    /// @param args One word an argument. In an f register every NaN pattern is the NaN.
    /// @param coordinates The point of the iteration space, for the instruction `index`.
    /// @return word The result. A NaN is 0x7fc00000.
    /// @return end The offset behind the program.
    /// @return register The register of the result: 0 f, 1 u.
    function run(bytes calldata program, uint256 offset, uint256[] memory args, uint256[] memory coordinates)
        internal
        pure
        returns (uint256 word, uint256 end, uint256 register)
    {
        unchecked {
            (uint256 at, uint256 count, uint256 total) = _header(program, offset);
            if (count != args.length) _malformed(count, ScalarFault.Arguments);
            // Values live behind the free memory; nothing below allocates, so the memory is free again afterwards.
            uint256 values;
            assembly ("memory-safe") {
                values := mload(0x40)
                mstore(0x40, add(values, 0x2000))
            }
            _take(at - 2 - count, values, args);
            // From here on reads may pass the end of the program, where they give what lies there or zeros: no loop
            // is longer for it, and the end is compared with the length before anything is returned.
            at = _execute(at, values, count, total, coordinates);
            uint256 result;
            assembly ("memory-safe") {
                result := byte(0, calldataload(at))
                end := add(sub(at, program.offset), 1)
            }
            if (end > program.length) _malformed(total, ScalarFault.Truncated);
            if (result >= total) _malformed(result, ScalarFault.Result);
            assembly ("memory-safe") {
                result := mload(add(values, shl(5, result)))
                mstore(0x40, values)
            }
            word = result & WORD;
            register = result >> 33;
        }
    }

    /// @notice Where the scalar program that starts at `offset` ends, without running it.
    /// @dev Registers and opcodes are those of the table; operands are not looked at: a program that this passes may
    /// still be malformed.
    function skip(bytes calldata program, uint256 offset) internal pure returns (uint256 end) {
        unchecked {
            (uint256 at, uint256 count, uint256 total) = _header(program, offset);
            for (uint256 i = 0; i < count; ++i) {
                uint256 code;
                assembly ("memory-safe") {
                    code := byte(0, calldataload(add(sub(at, add(count, 2)), i)))
                }
                if (code > 1) _malformed(i, ScalarFault.Register);
            }
            for (; count < total; ++count) {
                uint256 opcode;
                assembly ("memory-safe") {
                    opcode := byte(0, calldataload(at))
                }
                if ((OPCODES >> opcode) & 1 == 0) _malformed(count, ScalarFault.Opcode);
                if (opcode < 0x02) at += 5;
                else if (opcode < 0x10 || opcode >= 0x40 || opcode == 0x14 || opcode == 0x16 || opcode == 0x17) at += 2;
                else if (opcode >= 0x30 || opcode == 0x15) at += 4;
                else at += 3;
            }
            assembly ("memory-safe") {
                end := add(sub(at, program.offset), 1)
            }
            if (end > program.length) _malformed(total, ScalarFault.Truncated);
        }
    }

    /// The place in calldata of the first instruction, the number of arguments and that of all values.
    function _header(bytes calldata program, uint256 offset)
        private
        pure
        returns (uint256 at, uint256 count, uint256 total)
    {
        unchecked {
            if (offset >= program.length) _malformed(0, ScalarFault.Truncated);
            assembly ("memory-safe") {
                at := add(program.offset, offset)
                count := byte(0, calldataload(at))
                at := add(add(at, count), 3)
                total := add(count, shr(240, calldataload(sub(at, 2))))
                offset := sub(at, program.offset)
            }
            // At least the result follows. So the registers lie inside the program, too.
            if (offset >= program.length) _malformed(0, ScalarFault.Truncated);
            if (total > MOST_VALUES) _malformed(total, ScalarFault.Values);
        }
    }

    /// Puts the arguments into the registers whose codes are at `at` in calldata.
    function _take(uint256 at, uint256 values, uint256[] memory args) private pure {
        unchecked {
            uint256 count = args.length;
            for (uint256 i = 0; i < count; ++i) {
                uint256 code;
                uint256 word;
                assembly ("memory-safe") {
                    code := byte(0, calldataload(add(at, i)))
                    args := add(args, 0x20)
                    word := and(mload(args), WORD)
                }
                if (code > 1) _malformed(i, ScalarFault.Register);
                _put(values, i, code == 0 ? word.canonical() | F : word | U);
            }
        }
    }

    /// Executes the instructions at `at` in calldata, which give the values from `count` to `total`.
    /// @return The place in calldata behind them.
    function _execute(uint256 at, uint256 values, uint256 count, uint256 total, uint256[] memory coordinates)
        private
        pure
        returns (uint256)
    {
        unchecked {
            while (true) {
                if (count == total) return at;
                (uint256 opcode, uint256 a, uint256 b) = _decode(at, values, count);
                if (opcode < 0x20) {
                    if (opcode == 0x15) {
                        uint256 c = _third(at, values, count);
                        if (a & b & c & F == 0) _malformed(count, ScalarFault.Operand);
                        a = (a & WORD).fma(b & WORD, c & WORD) | F;
                        at += 4;
                    } else if (opcode < 0x10) {
                        (a, at) = _leaf(at, count, coordinates);
                    } else if (opcode < 0x14) {
                        if (a & b & F == 0) _malformed(count, ScalarFault.Operand);
                        a &= WORD;
                        b &= WORD;
                        if (opcode < 0x12) a = a.fadd(opcode == 0x10 ? b : b ^ SoftFloat.SIGN) | F;
                        else a = (opcode == 0x12 ? a.fmul(b) : a.fdiv(b)) | F;
                        at += 3;
                    } else if (opcode < 0x18) {
                        if (a & F == 0) _malformed(count, ScalarFault.Operand);
                        a &= WORD;
                        if (opcode == 0x14) a = a.fsqrt() | F;
                        else a = (opcode == 0x16 ? a.fneg() : a.fabs()) | F;
                        at += 2;
                    } else {
                        if (a & b & F == 0) _malformed(count, ScalarFault.Operand);
                        a = _compare(opcode, a & WORD, b & WORD, count) | U;
                        at += 3;
                    }
                } else if (opcode < 0x30) {
                    if (a & b & U == 0) _malformed(count, ScalarFault.Operand);
                    a = _integer(opcode, a & WORD, b & WORD, count) & WORD | U;
                    at += 3;
                } else if (opcode >= 0x40) {
                    a = _convert(opcode, a, count);
                    at += 2;
                } else {
                    uint256 c = _third(at, values, count);
                    // The later operands share a register where their tags have a bit in common.
                    if (a & U == 0 || (b & c) >> 32 == 0) _malformed(count, ScalarFault.Operand);
                    if (opcode != 0x30) _malformed(count, ScalarFault.Opcode);
                    a = a == U ? c : b;
                    at += 4;
                }
                _put(values, count, a);
                ++count;
            }
            return at;
        }
    }

    /// Codes 00 to 0f: they take an immediate.
    function _leaf(uint256 at, uint256 count, uint256[] memory coordinates)
        private
        pure
        returns (uint256 value, uint256 next)
    {
        unchecked {
            uint256 opcode;
            assembly ("memory-safe") {
                value := calldataload(at)
                opcode := byte(0, value)
            }
            if (opcode == 0x02) {
                value = (value >> 240) & 0xff;
                if (value >= coordinates.length) _malformed(count, ScalarFault.Coordinate);
                return (coordinates[value] & WORD | U, at + 2);
            }
            if (opcode > 0x02) _malformed(count, ScalarFault.Opcode);
            value = (value >> 216) & WORD;
            return (opcode == 0 ? value.canonical() | F : value | U, at + 5);
        }
    }

    /// Codes 18 to 1f.
    function _compare(uint256 opcode, uint256 a, uint256 b, uint256 count) private pure returns (uint256) {
        if (opcode == 0x18) return a.flt(b);
        if (opcode == 0x19) return a.fle(b);
        if (opcode > 0x1a) _malformed(count, ScalarFault.Opcode);
        return a.feq(b);
    }

    /// Codes 20 to 2f: the word, below whatever is to be cut off.
    function _integer(uint256 opcode, uint256 a, uint256 b, uint256 count) private pure returns (uint256 value) {
        unchecked {
            if (opcode < 0x24) {
                if (opcode < 0x22) return opcode == 0x20 ? a + b : a - b;
                return opcode == 0x22 ? a * b : (a * b) >> 32;
            }
            if (opcode < 0x27) return opcode == 0x24 ? a & b : opcode == 0x25 ? a | b : a ^ b;
            if (opcode > 0x2c) _malformed(count, ScalarFault.Opcode);
            assembly ("memory-safe") {
                switch opcode
                case 0x27 { value := shl(and(b, 31), a) }
                case 0x28 { value := shr(and(b, 31), a) }
                case 0x29 { value := sar(and(b, 31), signextend(3, a)) }
                case 0x2a { value := lt(a, b) }
                case 0x2b { value := slt(signextend(3, a), signextend(3, b)) }
                default { value := eq(a, b) }
            }
        }
    }

    /// Codes 40 to 47: one operand.
    function _convert(uint256 opcode, uint256 a, uint256 count) private pure returns (uint256 value) {
        // u registers are taken by i2f, u2f and float only, and given by f2i, f2u and bits only.
        bool takesU = opcode == 0x42 || opcode == 0x43 || opcode == 0x45;
        if (a & (takesU ? U : F) == 0) _malformed(count, ScalarFault.Operand);
        a &= WORD;
        if (opcode < 0x44) {
            if (opcode < 0x42) value = (opcode == 0x40 ? a.f2i() : a.f2u()) | U;
            else value = (opcode == 0x42 ? a.i2f() : a.u2f()) | F;
        } else if (opcode < 0x46) {
            // Every value in an f register has its NaN as the one NaN already.
            value = opcode == 0x44 ? a | U : a.canonical() | F;
        } else {
            if (opcode > 0x47) _malformed(count, ScalarFault.Opcode);
            value = (opcode == 0x46 ? a.toBf16().fromBf16() : a.toF16().fromF16()) | F;
        }
    }

    /// The instruction's opcode and the values of its first two operands. A value that does not exist yet is zero, which
    /// is in no register; where the instruction has no such operand, that is what lies there, unused.
    function _decode(uint256 at, uint256 values, uint256 count)
        private
        pure
        returns (uint256 opcode, uint256 a, uint256 b)
    {
        assembly ("memory-safe") {
            let instruction := calldataload(at)
            opcode := byte(0, instruction)
            a := byte(1, instruction)
            a := mul(mload(add(values, shl(5, a))), lt(a, count))
            b := byte(2, instruction)
            b := mul(mload(add(values, shl(5, b))), lt(b, count))
        }
    }

    /// The value of the third operand.
    function _third(uint256 at, uint256 values, uint256 count) private pure returns (uint256 c) {
        assembly ("memory-safe") {
            c := byte(3, calldataload(at))
            c := mul(mload(add(values, shl(5, c))), lt(c, count))
        }
    }

    function _put(uint256 values, uint256 index, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore(add(values, shl(5, index)), value)
        }
    }

    function _malformed(uint256 value, ScalarFault fault) private pure {
        revert ScalarMalformed(value, fault);
    }
}
