// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bounds} from "./Bounds.sol";
import {IDraw} from "./IDraw.sol";

/// @title A draw out of a block's hash
/// @notice Interim, until a beacon stands behind IDraw. A round is the block in which it was asked for; its randomness is
/// a hash of that block's hash, which covers the beacon's randao, and which no transaction in it can know.
///
/// Its weakness: whoever builds that block may build several and keep the one that it likes best, as many as it can
/// hash in its time, and does not even lose the block. So it is good enough for what all participants get alike, such as
/// the tasks of a round, and not for who is to be trusted or paid. It is gone after 256 blocks: then the round has failed.
contract BlockDraw is IDraw {
    /// @notice Who may ask.
    address public immutable asker;
    uint256 private immutable _longestTime;

    mapping(uint256 round => bool) private _requested;

    /// @param longestTime_ The most seconds between two blocks
    constructor(address asker_, uint256 longestTime_) {
        Bounds.isSet("asker", asker_);
        Bounds.within("longestTime", longestTime_, 1, 1 days);
        asker = asker_;
        _longestTime = longestTime_;
    }

    /// @inheritdoc IDraw
    function request() external returns (uint256 round) {
        if (msg.sender != asker) revert NotAsker(msg.sender);
        round = block.number;
        if (!_requested[round]) {
            _requested[round] = true;
            emit RoundRequested(round, block.timestamp, block.timestamp + _longestTime);
        }
    }

    /// @inheritdoc IDraw
    function randomness(uint256 round) external view returns (DrawStatus status, bytes32 random) {
        if (!_requested[round]) return (DrawStatus.None, 0);
        if (block.number <= round) return (DrawStatus.Pending, 0);
        bytes32 hash = blockhash(round);
        if (hash == 0) return (DrawStatus.Failed, 0);
        return (DrawStatus.Ready, keccak256(abi.encode(block.chainid, address(this), round, hash)));
    }

    /// @inheritdoc IDraw
    function longestTime() external view returns (uint256) {
        return _longestTime;
    }
}
