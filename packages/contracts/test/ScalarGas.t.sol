// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {deployScalarHarness, IScalarHarness} from "./IScalarHarness.sol";
import {vm} from "./Vm.sol";

/// What the interpreter costs, at worst over operands that take every way through the arithmetic. The figures are
/// committed (snapshots/), so that a change that makes a dispute's last step dearer shows.
contract ScalarGasTest {
    IScalarHarness private harness = deployScalarHarness();

    /// Zero, subnormal, subnormal's neighbour, ordinary, opposite, largest, infinite, NaN.
    bytes private constant EDGES = hex"00000000800000010080000140490fdbbfc90fdb7f7fffffff8000007fc00000";
    uint256 private constant ROWS = 8 ** 3;

    function test_priceOfARun() public {
        uint256 none = _worst(_program(hex"", 0, 0, 1));
        uint256 most = _worst(_program(hex"", 0, 0, 9));
        vm.snapshotValue("ScalarMachine", "start", none - (most - none) / 8);
        vm.snapshotValue("ScalarMachine", "argument", (most - none) / 8 + 1);
    }

    function test_priceOfEachInstruction() public {
        _price("const_f", hex"007fc00000", 0);
        _price("const_u", hex"017fc00000", 0);
        _price("index", hex"0200", 0);
        _price("fadd", hex"100001", 0);
        _price("fsub", hex"110001", 0);
        _price("fmul", hex"120001", 0);
        _price("fdiv", hex"130001", 0);
        _price("fsqrt", hex"1400", 0);
        _price("fma", hex"15000102", 0);
        _price("fneg", hex"1600", 0);
        _price("fabs", hex"1700", 0);
        _price("flt", hex"180001", 0);
        _price("fle", hex"190001", 0);
        _price("feq", hex"1a0001", 0);
        _price("uadd", hex"200001", 1);
        _price("usub", hex"210001", 1);
        _price("umul", hex"220001", 1);
        _price("umulhi", hex"230001", 1);
        _price("and", hex"240001", 1);
        _price("or", hex"250001", 1);
        _price("xor", hex"260001", 1);
        _price("shl", hex"270001", 1);
        _price("shr", hex"280001", 1);
        _price("sar", hex"290001", 1);
        _price("ult", hex"2a0001", 1);
        _price("slt", hex"2b0001", 1);
        _price("ueq", hex"2c0001", 1);
        _price("select", hex"30000102", 1);
        _price("f2i", hex"4000", 0);
        _price("f2u", hex"4100", 0);
        _price("i2f", hex"4200", 1);
        _price("u2f", hex"4300", 1);
        _price("bits", hex"4400", 0);
        _price("float", hex"4500", 1);
        _price("bf16", hex"4600", 0);
        _price("f16", hex"4700", 0);
    }

    function _price(string memory name, bytes memory instruction, uint8 register) private {
        uint256 one = _worst(_program(instruction, 1, register, 3));
        uint256 many = _worst(_program(instruction, 17, register, 3));
        vm.snapshotValue("ScalarMachine", name, (many - one) / 16 + 1);
    }

    /// The instruction `times` times, after arguments in one register; the result is the first argument.
    function _program(bytes memory instruction, uint16 times, uint8 register, uint8 arity)
        private
        pure
        returns (bytes memory program)
    {
        program = abi.encodePacked(arity);
        for (uint256 i = 0; i < arity; ++i) {
            program = abi.encodePacked(program, register);
        }
        program = abi.encodePacked(program, times);
        for (uint256 i = 0; i < times; ++i) {
            program = abi.encodePacked(program, instruction);
        }
        return abi.encodePacked(program, uint8(0));
    }

    /// The dearest row, where the first three arguments take all triples of edges.
    function _worst(bytes memory program) private view returns (uint256 most) {
        bytes memory edges = EDGES;
        uint256 arity = uint8(program[0]);
        bytes memory rows = new bytes(ROWS * arity * 4);
        for (uint256 i = 0; i < rows.length; ++i) {
            uint256 row = i / 4 / arity;
            uint256 edge = (row >> (3 * ((i / 4) % arity % 3))) & 7;
            rows[i] = edges[4 * edge + i % 4];
        }
        (,, most) = harness.runAll(program, rows, arity, new bytes(4 * ROWS), 1, ROWS);
    }
}
