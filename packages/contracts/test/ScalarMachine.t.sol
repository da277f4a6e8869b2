// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {deployScalarHarness, IScalarHarness} from "./IScalarHarness.sol";

contract ScalarMachineTest {
    IScalarHarness private harness = deployScalarHarness();
    uint256[] private noCoordinates;

    bytes4 private constant REFUSED = bytes4(keccak256("ScalarMalformed(uint256,uint8)"));

    function test_programsStandBehindEachOther() public view {
        // a + b, then a * b
        bytes memory node = hex"ffff" hex"0200000001100001" hex"02" hex"0200000001120001" hex"02" hex"ff";
        uint256[] memory args = new uint256[](2);
        args[0] = 0x40400000;
        args[1] = 0x40000000;
        (uint256 sum, uint256 end, uint256 register) = harness.run(node, 2, args, noCoordinates);
        require(sum == 0x40a00000 && end == 11 && register == 0, "sum");
        require(harness.skip(node, 2) == 11, "skip");
        (uint256 product, uint256 last,) = harness.run(node, end, args, noCoordinates);
        require(product == 0x40c00000 && last == 20, "product");
    }

    function test_theResultNamesItsRegister() public view {
        uint256[] memory args = new uint256[](2);
        (,, uint256 register) = harness.run(hex"0200000001180001" hex"02", 0, args, noCoordinates);
        require(register == 1, "flt gives u");
        (,, register) = harness.run(hex"0200000001180001" hex"00", 0, args, noCoordinates);
        require(register == 0, "an argument keeps its register");
    }

    /// Whatever the bytes, the interpreter answers inside them or reverts with its own error.
    function testFuzz_anyBytesRunOrAreRefused(bytes calldata program, uint256 offset, uint256[] calldata args)
        public
        view
    {
        offset %= program.length + 2;
        try harness.run(program, offset, args, noCoordinates) returns (uint256 word, uint256 end, uint256 register) {
            require(end <= program.length && word <= 0xffffffff && register <= 1, "answer");
            require(harness.skip(program, offset) == end, "skip");
        } catch (bytes memory reason) {
            require(bytes4(reason) == REFUSED, "reason");
        }
    }

    /// Bytes that are mostly sensible get further than plain random ones.
    function testFuzz_nearlyWellFormedBytesRunOrAreRefused(uint256 seed) public view {
        bytes memory codes = hex"000102101112131415161718191a202122232425262728292a2b2c304041424344454647";
        bytes memory program = abi.encodePacked(uint8(2), uint8(seed & 1), uint8((seed >> 1) & 1), uint16(12));
        for (uint256 count = 2; count < 14; ++count) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint8 code = uint8(codes[(seed >> 128) % codes.length]);
            program = abi.encodePacked(program, code);
            for (uint256 k = 0; k < _operands(code); ++k) {
                program = abi.encodePacked(program, uint8((seed >> (8 * k)) % (count + (seed >> 200) % 2)));
            }
        }
        program = abi.encodePacked(program, uint8(13));
        uint256[] memory args = new uint256[](2);
        args[0] = uint32(seed);
        args[1] = uint32(seed >> 32);
        try harness.run(program, 0, args, noCoordinates) returns (uint256 word, uint256 end, uint256) {
            require(end == program.length && word <= 0xffffffff, "answer");
        } catch (bytes memory reason) {
            require(bytes4(reason) == REFUSED, "reason");
        }
    }

    /// Bytes behind the code.
    function _operands(uint8 code) private pure returns (uint256) {
        if (code < 0x02) return 4;
        if (code < 0x10 || code >= 0x40 || code == 0x14 || code == 0x16 || code == 0x17) return 1;
        return code == 0x15 || code == 0x30 ? 3 : 2;
    }
}
