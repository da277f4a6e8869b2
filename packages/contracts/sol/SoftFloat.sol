// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

library SoftFloat {
    uint256 internal constant NAN = 0x7fc00000;
}
