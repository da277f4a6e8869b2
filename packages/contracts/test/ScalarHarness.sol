// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ScalarMachine} from "../sol/ScalarMachine.sol";

/// Runs one scalar program on many rows of arguments in one call, for tests against the other executors.
contract ScalarHarness {
    /// @param arguments Rows of `arity` words of four bytes, big-endian.
    /// @param coordinates Rows of `rank` words, one row a row of arguments.
    /// @return results One word of four bytes a row, big-endian.
    /// @return gasUsed By the interpreter, all rows together.
    /// @return most By the interpreter, in the dearest row.
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
