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

    /// @param at The offset in the program's bytes where the fault was noticed.
    error ScalarMalformed(uint256 at, ScalarFault fault);

    uint256 private constant WORD = 0xffffffff;
    uint256 private constant MOST_VALUES = 256;

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
            if (offset >= program.length) _malformed(offset, ScalarFault.Truncated);
            // From here on reads may pass the end of the program, where they give what lies there or zeros: no loop
            // is longer for it, and the end is compared with the length before anything is returned.
            (uint256 at, uint256 count, uint256 total) = _header(program, offset);
            if (count != args.length) _malformed(offset, ScalarFault.Arguments);

            // Values live behind the free memory; nothing below allocates, so the memory is free again afterwards.
            uint256 values;
            assembly ("memory-safe") {
                values := mload(0x40)
                mstore(0x40, add(values, shl(5, total)))
            }
            for (uint256 i = 0; i < count; ++i) {
                uint256 code = uint8(program[offset + 1 + i]);
                if (code > 1) _malformed(offset + 1 + i, ScalarFault.Register);
                _put(values, i, code == 0 ? args[i].canonical() & WORD | F : args[i] & WORD | U);
            }
            while (count < total) {
                uint256 instruction = _load(program, at);
                uint256 opcode = instruction >> 248;
                uint256 value;
                if (opcode >= 0x10) {
                    uint256 a = _get(values, count, (instruction >> 240) & 0xff);
                    if (opcode < 0x20) {
                        (value, at) = _float(opcode, a, instruction, values, count, at);
                    } else if (opcode < 0x30) {
                        (value, at) = _integer(opcode, a, instruction, values, count, at);
                    } else if (opcode < 0x40) {
                        uint256 b = _get(values, count, (instruction >> 232) & 0xff);
                        uint256 c = _get(values, count, (instruction >> 224) & 0xff);
                        // The later operands share a register where their tags have a bit in common.
                        if (a & U == 0 || (b & c) >> 32 == 0) _malformed(at, ScalarFault.Operand);
                        if (opcode != 0x30) _malformed(at, ScalarFault.Opcode);
                        value = a == U ? c : b;
                        at += 4;
                    } else {
                        value = _convert(opcode, a, at);
                        at += 2;
                    }
                } else if (opcode == 0x02) {
                    uint256 position = (instruction >> 240) & 0xff;
                    if (position >= coordinates.length) _malformed(at, ScalarFault.Coordinate);
                    value = coordinates[position] & WORD | U;
                    at += 2;
                } else {
                    if (opcode > 0x02) _malformed(at, ScalarFault.Opcode);
                    value = (instruction >> 216) & WORD;
                    value = opcode == 0 ? value.canonical() | F : value | U;
                    at += 5;
                }
                _put(values, count, value);
                ++count;
            }
            uint256 result = _get(values, count, _load(program, at) >> 248);
            end = at + 1;
            if (end > program.length) _malformed(end, ScalarFault.Truncated);
            if (result == 0) _malformed(at, ScalarFault.Result);
            word = result & WORD;
            register = result >> 33;
            assembly ("memory-safe") {
                mstore(0x40, values)
            }
        }
    }

    /// @notice Where the scalar program that starts at `offset` ends, without running it.
    /// @dev Only lengths are looked at: a program that this passes may still be malformed.
    function skip(bytes calldata program, uint256 offset) internal pure returns (uint256 end) {
        unchecked {
            if (offset >= program.length) _malformed(offset, ScalarFault.Truncated);
            (uint256 at, uint256 count, uint256 total) = _header(program, offset);
            for (; count < total; ++count) {
                uint256 opcode = _load(program, at) >> 248;
                if (opcode < 0x02) at += 5;
                else if (opcode < 0x10 || opcode >= 0x40 || opcode == 0x14 || opcode == 0x16 || opcode == 0x17) at += 2;
                else if (opcode >= 0x30 || opcode == 0x15) at += 4;
                else at += 3;
            }
            end = at + 1;
            if (end > program.length) _malformed(end, ScalarFault.Truncated);
        }
    }

    /// The place of the first instruction, the number of arguments and that of all values.
    function _header(bytes calldata program, uint256 offset)
        private
        pure
        returns (uint256 at, uint256 arguments, uint256 total)
    {
        unchecked {
            arguments = uint8(program[offset]);
            at = offset + 1 + arguments;
            total = arguments + (_load(program, at) >> 240);
            at += 2;
            // So the registers lie inside the program, too.
            if (at >= program.length) _malformed(at, ScalarFault.Truncated);
            if (total > MOST_VALUES) _malformed(offset, ScalarFault.Values);
        }
    }

    /// Codes 10 to 1f: they take f registers.
    function _float(uint256 opcode, uint256 a, uint256 instruction, uint256 values, uint256 count, uint256 at)
        private
        pure
        returns (uint256 value, uint256 next)
    {
        unchecked {
            uint256 tags = a;
            a &= WORD;
            if (opcode == 0x14 || opcode == 0x16 || opcode == 0x17) {
                value = opcode == 0x14 ? a.fsqrt() : opcode == 0x16 ? a.fneg() : a.fabs();
                value |= F;
                next = at + 2;
            } else {
                uint256 b = _get(values, count, (instruction >> 232) & 0xff);
                tags &= b;
                b &= WORD;
                next = at + 3;
                if (opcode == 0x15) {
                    uint256 c = _get(values, count, (instruction >> 224) & 0xff);
                    tags &= c;
                    value = a.fma(b, c & WORD) | F;
                    next = at + 4;
                } else if (opcode < 0x14) {
                    if (opcode < 0x12) value = a.fadd(opcode == 0x10 ? b : b ^ SoftFloat.SIGN);
                    else value = opcode == 0x12 ? a.fmul(b) : a.fdiv(b);
                    value |= F;
                } else {
                    if (opcode > 0x1a) _malformed(at, ScalarFault.Opcode);
                    value = opcode == 0x18 ? a.flt(b) : opcode == 0x19 ? a.fle(b) : a.feq(b);
                    value |= U;
                }
            }
            if (tags & F == 0) _malformed(at, ScalarFault.Operand);
        }
    }

    /// Codes 20 to 2f: they take u registers.
    function _integer(uint256 opcode, uint256 a, uint256 instruction, uint256 values, uint256 count, uint256 at)
        private
        pure
        returns (uint256 value, uint256 next)
    {
        unchecked {
            uint256 b = _get(values, count, (instruction >> 232) & 0xff);
            if (a & b & U == 0) _malformed(at, ScalarFault.Operand);
            a &= WORD;
            b &= WORD;
            if (opcode < 0x24) {
                if (opcode < 0x22) value = opcode == 0x20 ? a + b : a - b;
                else value = opcode == 0x22 ? a * b : (a * b) >> 32;
            } else if (opcode < 0x27) {
                value = opcode == 0x24 ? a & b : opcode == 0x25 ? a | b : a ^ b;
            } else if (opcode < 0x2a) {
                b &= 31;
                if (opcode == 0x27) value = a << b;
                else value = opcode == 0x28 ? a >> b : uint256(_signed(a) >> b);
            } else {
                if (opcode > 0x2c) _malformed(at, ScalarFault.Opcode);
                bool holds = opcode == 0x2a ? a < b : opcode == 0x2b ? _signed(a) < _signed(b) : a == b;
                value = holds ? 1 : 0;
            }
            value = value & WORD | U;
            next = at + 3;
        }
    }

    /// Codes 40 to 47: one operand.
    function _convert(uint256 opcode, uint256 a, uint256 at) private pure returns (uint256 value) {
        // u registers are taken by i2f, u2f and float only, and given by f2i, f2u and bits only.
        bool takesU = opcode == 0x42 || opcode == 0x43 || opcode == 0x45;
        if (a & (takesU ? U : F) == 0) _malformed(at, ScalarFault.Operand);
        a &= WORD;
        if (opcode < 0x44) {
            if (opcode < 0x42) value = (opcode == 0x40 ? a.f2i() : a.f2u()) | U;
            else value = (opcode == 0x42 ? a.i2f() : a.u2f()) | F;
        } else if (opcode < 0x46) {
            // Every value in an f register has its NaN as the one NaN already.
            value = opcode == 0x44 ? a | U : a.canonical() | F;
        } else {
            if (opcode > 0x47) _malformed(at, ScalarFault.Opcode);
            value = (opcode == 0x46 ? a.toBf16().fromBf16() : a.toF16().fromF16()) | F;
        }
    }

    /// The value of that number, or zero, which has no register, where there is none yet.
    function _get(uint256 values, uint256 count, uint256 index) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            if lt(index, count) { value := mload(add(values, shl(5, index))) }
        }
    }

    function _put(uint256 values, uint256 index, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore(add(values, shl(5, index)), value)
        }
    }

    /// 32 bytes from there on.
    function _load(bytes calldata program, uint256 at) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(program.offset, at))
        }
    }

    function _signed(uint256 word) private pure returns (int256) {
        return int256(int32(uint32(word)));
    }

    function _malformed(uint256 at, ScalarFault fault) private pure {
        revert ScalarMalformed(at, fault);
    }
}
