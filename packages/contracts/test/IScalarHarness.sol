// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "./Vm.sol";

/// The interpreter behind a contract. Tests know only this interface: importing the harness would make them compile
/// the interpreter again.
interface IScalarHarness {
    /// As in ScalarMachine.
    function run(bytes calldata program, uint256 offset, uint256[] calldata args, uint256[] calldata coordinates)
        external
        pure
        returns (uint256 word, uint256 end, uint256 register);

    /// As in ScalarMachine.
    function skip(bytes calldata program, uint256 offset) external pure returns (uint256 end);

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
    ) external view returns (bytes memory results, uint256 gasUsed, uint256 most);
}

function deployScalarHarness() returns (IScalarHarness harness) {
    bytes memory code = vm.getCode("ScalarHarness.sol:ScalarHarness");
    assembly ("memory-safe") {
        harness := create(0, add(code, 0x20), mload(code))
    }
}
