// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Hard bounds of parameters
/// @notice What is outside is refused with its name, its value and what is allowed.
library Bounds {
    error WrongParameter(bytes32 name, uint256 value, uint256 least, uint256 most);

    function within(bytes32 name, uint256 value, uint256 least, uint256 most) internal pure {
        if (value < least || value > most) revert WrongParameter(name, value, least, most);
    }

    function isSet(bytes32 name, address value) internal pure {
        if (value == address(0)) revert WrongParameter(name, 0, 1, type(uint160).max);
    }

    function isContract(bytes32 name, address value) internal view {
        if (value.code.length == 0) revert WrongParameter(name, 0, 1, type(uint160).max);
    }
}
