// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ScalarMachine} from "../sol/ScalarMachine.sol";
import {IScalarHarness} from "./IScalarHarness.sol";

/// Runs one scalar program on many rows of arguments in one call, for tests against the other executors.
contract ScalarHarness is IScalarHarness {
    function run(bytes calldata program, uint256 offset, uint256[] calldata args, uint256[] calldata coordinates)
        external
        pure
        returns (uint256 word, uint256 end, uint256 register)
    {
        uint256[] memory a = args;
        uint256[] memory c = coordinates;
        uint256 before;
        uint256 afterwards;
        assembly ("memory-safe") {
            before := mload(0x40)
        }
        (word, end, register) = ScalarMachine.run(program, offset, a, c);
        assembly ("memory-safe") {
            afterwards := mload(0x40)
        }
        require(before == afterwards, "memory is not given back");
    }

    function skip(bytes calldata program, uint256 offset) external pure returns (uint256 end) {
        return ScalarMachine.skip(program, offset);
    }

    function runAll(
        bytes calldata program,
        bytes calldata arguments,
        uint256 arity,
        bytes calldata coordinates,
        uint256 rank,
        uint256 rows
    ) external view returns (bytes memory results, uint256 gasUsed, uint256 most) {
        unchecked {
            results = new bytes(rows * 4);
            uint256[] memory args = new uint256[](arity);
            uint256[] memory point = new uint256[](rank);
            for (uint256 row = 0; row < rows; ++row) {
                for (uint256 i = 0; i < arity; ++i) {
                    args[i] = _word(arguments, row * arity + i);
                }
                for (uint256 i = 0; i < rank; ++i) {
                    point[i] = _word(coordinates, row * rank + i);
                }
                uint256 before = gasleft();
                (uint256 word, uint256 end,) = ScalarMachine.run(program, 0, args, point);
                before -= gasleft();
                gasUsed += before;
                if (before > most) most = before;
                require(end == program.length && ScalarMachine.skip(program, 0) == end, "length");
                assembly ("memory-safe") {
                    // Four bytes of the 32: the others stay.
                    let place := add(add(results, 0x20), shl(2, row))
                    mstore(place, or(shl(224, word), and(mload(place), sub(shl(224, 1), 1))))
                }
            }
        }
    }

    function _word(bytes calldata words, uint256 number) private pure returns (uint256) {
        return uint256(uint32(bytes4(words[number * 4:number * 4 + 4])));
    }
}
