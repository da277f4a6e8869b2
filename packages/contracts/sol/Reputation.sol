// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bounds} from "./Bounds.sol";
import {IReputation} from "./IReputation.sol";

/// @title Reputation
/// @notice See IReputation, which has the arithmetic. Only Market and Audits write, nobody else has a power.
contract Reputation is IReputation {
    /// 2**64 * 2**(-1/30), rounded down.
    uint256 private constant DAILY = 18025419856780639094;
    uint256 private constant FORGOTTEN_DAYS = 30 * 128;
    uint256 public constant MAX_DISCOUNT = 1_000;

    address public immutable market;
    address public immutable audits;
    uint256 public immutable scale;

    mapping(address account => Record) private _records;

    /// @param scale_ The score that earns half of the greatest discount, in the token's units
    constructor(address market_, address audits_, uint256 scale_) {
        Bounds.isSet("market", market_);
        Bounds.isSet("audits", audits_);
        Bounds.within("scale", scale_, 1, type(uint96).max);
        market = market_;
        audits = audits_;
        scale = scale_;
    }

    /// @inheritdoc IReputation
    function record(address account, Outcome outcome, uint256 fee) external {
        if (msg.sender != market && msg.sender != audits) revert NotOffice(msg.sender);
        Record storage kept = _records[account];
        uint256 score = scoreOf(account);
        if (outcome == Outcome.Completed) {
            // No score reaches the token's supply, which 96 bits hold; and if it did, it would stay there.
            score += fee;
            if (score > type(uint96).max) score = type(uint96).max;
            ++kept.completed;
        } else if (outcome == Outcome.Declined) {
            ++kept.declined;
        } else {
            score = 0;
            ++kept.slashed;
            if (outcome == Outcome.Late) ++kept.late;
            else if (outcome == Outcome.Failed) ++kept.failed;
        }
        kept.score = uint96(score);
        kept.day = uint32(block.timestamp / 1 days);
        emit Recorded(account, msg.sender, outcome, fee, score);
    }

    /// @inheritdoc IReputation
    function scoreOf(address account) public view returns (uint256) {
        Record storage kept = _records[account];
        uint256 passed = block.timestamp / 1 days - kept.day;
        if (passed >= FORGOTTEN_DAYS) return 0;
        return (kept.score * _power(DAILY, passed)) >> 64;
    }

    /// @inheritdoc IReputation
    function discountOf(address account) external view returns (uint256) {
        uint256 score = scoreOf(account);
        return MAX_DISCOUNT * score / (score + scale);
    }

    /// @inheritdoc IReputation
    function recordOf(address account) external view returns (Record memory) {
        return _records[account];
    }

    /// A fraction of 2**64 to a whole power, rounded down at each product.
    function _power(uint256 factor, uint256 exponent) private pure returns (uint256 result) {
        result = 1 << 64;
        for (; exponent != 0; exponent >>= 1) {
            if (exponent & 1 == 1) result = (result * factor) >> 64;
            factor = (factor * factor) >> 64;
        }
    }
}
