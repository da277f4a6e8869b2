// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Bounds} from "./Bounds.sol";

/// @title Faucet
/// @notice Gives a little of the token and of the chain's coin to whoever is named, on local and test networks: a newcomer
/// needs nothing, a relay node asks for it. Anyone may fill it by sending tokens and coins; nobody can empty it otherwise.
contract Faucet {
    using SafeERC20 for IERC20;

    IERC20 public immutable token;
    /// @notice What a drip is.
    uint256 public immutable tokens;
    uint256 public immutable coins;
    /// @notice Seconds from one drip to an address to its next.
    uint256 public immutable interval;
    /// @notice The most drips in such an interval, to all addresses together.
    uint256 public immutable most;

    mapping(address to => uint256) public nextTime;
    uint256 public windowEnd;
    uint256 public windowDrips;

    event Dripped(address indexed to, address indexed by, uint256 tokens, uint256 coins);

    error TooSoon(address to, uint256 time, uint256 from);
    error TooMany(uint256 drips, uint256 most, uint256 from);
    error PaymentFailed(address to, uint256 amount);

    constructor(IERC20 token_, uint256 tokens_, uint256 coins_, uint256 interval_, uint256 most_) {
        Bounds.isContract("token", address(token_));
        Bounds.within("tokens", tokens_, 1, type(uint96).max);
        Bounds.within("coins", coins_, 0, type(uint96).max);
        Bounds.within("interval", interval_, 1, 30 days);
        Bounds.within("most", most_, 1, 1_000_000);
        token = token_;
        tokens = tokens_;
        coins = coins_;
        interval = interval_;
        most = most_;
    }

    receive() external payable {}

    /// @notice Sends one drip. Anyone may ask, for anyone.
    function drip(address payable to) external {
        uint256 time = block.timestamp;
        if (time < nextTime[to]) revert TooSoon(to, time, nextTime[to]);
        if (time >= windowEnd) {
            windowEnd = time + interval;
            windowDrips = 0;
        }
        if (windowDrips == most) revert TooMany(windowDrips, most, windowEnd);
        ++windowDrips;
        nextTime[to] = time + interval;
        emit Dripped(to, msg.sender, tokens, coins);
        token.safeTransfer(to, tokens);
        (bool paid,) = to.call{value: coins}("");
        if (!paid) revert PaymentFailed(to, coins);
    }
}
