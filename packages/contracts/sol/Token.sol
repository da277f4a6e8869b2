// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Bounds} from "./Bounds.sol";

/// @title LOCK: pays for work, stakes and fees
/// @notice The whole supply is made once; nobody can make more. Votes are counted by time, so that a vote lasts as long
/// on a chain with other blocks.
contract Token is ERC20, ERC20Permit, ERC20Votes {
    /// @notice The Vault keeps amounts in 96 bits: no sum of them can reach that.
    uint256 public constant MAX_SUPPLY = 10_000_000_000 ether;

    constructor(address holder, uint256 supply) ERC20("Lockstep", "LOCK") ERC20Permit("Lockstep") {
        Bounds.isSet("holder", holder);
        Bounds.within("supply", supply, 1, MAX_SUPPLY);
        _mint(holder, supply);
    }

    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 amount) internal override(ERC20, ERC20Votes) {
        super._update(from, to, amount);
    }
}
