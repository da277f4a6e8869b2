// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bounds} from "./Bounds.sol";
import {IDelegations, Scopes} from "./IDelegations.sol";
import {IDisputes} from "./IDisputes.sol";
import {IDraw} from "./IDraw.sol";
import {ISwarmRecords} from "./ISwarms.sol";
import {IVault} from "./IVault.sol";

/// @notice The other contracts that swarms know, fixed at deployment.
struct SwarmOffices {
    IVault vault;
    IDisputes disputes;
    IDelegations delegations;
    IDraw drawing;
    address treasury;
}

/// @title What swarms keep, and what follows from it
/// @notice Swarms and SwarmScores are one contract in two parts, because of the limit on a contract's size: SwarmScores'
/// code runs on Swarms' storage, so both begin with this. Nothing may be kept anywhere else.
abstract contract SwarmState is ISwarmRecords {
    uint8 internal constant ANSWER = 0;
    uint8 internal constant CRITIQUE = 1;
    uint8 internal constant RESOLVE = 2;

    IVault public immutable vault;
    IDisputes public immutable disputes;
    IDelegations public immutable delegations;
    IDraw public immutable drawing;
    address public immutable treasury;

    mapping(uint256 swarm => Swarm) internal _swarms;
    mapping(uint256 swarm => mapping(uint256 round => Round)) internal _rounds;
    mapping(uint256 swarm => mapping(address account => Member)) internal _members;
    mapping(uint256 swarm => mapping(uint256 round => mapping(uint256 seat => Entry))) internal _entries;
    mapping(uint256 number => Challenge) internal _challenges;
    mapping(bytes32 item => uint256 number) internal _challengeOf;
    /// Swarms and challenges are numbered from 1.
    uint256 internal _swarmCount;
    uint256 internal _challengeCount;

    constructor(SwarmOffices memory offices) {
        Bounds.isContract("vault", address(offices.vault));
        Bounds.isContract("disputes", address(offices.disputes));
        Bounds.isContract("delegations", address(offices.delegations));
        Bounds.isSet("drawing", address(offices.drawing));
        Bounds.isSet("treasury", offices.treasury);
        vault = offices.vault;
        disputes = offices.disputes;
        delegations = offices.delegations;
        drawing = offices.drawing;
        treasury = offices.treasury;
    }

    // What follows ----------------------------------------------------------------------------------------------------

    function _known(uint256 swarm) internal view returns (Swarm storage kept) {
        kept = _swarms[swarm];
        if (kept.creator == address(0)) revert UnknownSwarm(swarm);
    }

    /// For whom the sender acts.
    function _sender(uint256 scope) internal view returns (address account) {
        return _accountOf(msg.sender, scope);
    }

    function _accountOf(address key, uint256 scope) internal view returns (address account) {
        account = delegations.accountOf(key, scope);
        if (account == address(0)) revert NoAccount(key, scope);
    }

    function _isFor(address account) internal view returns (bool) {
        return delegations.accountOf(msg.sender, Scopes.SWARM) == account;
    }

    /// When a stage of a round that began then can be played, as seconds from the beginning.
    function _timesOf(Swarm storage kept, uint256 stage) internal view returns (uint256 from, uint256 to) {
        if (stage == ANSWER) return (0, kept.answerTime);
        from = kept.answerTime;
        if (stage == CRITIQUE) return (from, from + kept.critiqueTime);
        from += kept.critiqueTime;
        return (from, from + kept.resolveTime);
    }

    /// When a round's last stage ends.
    function _stagesEnd(Swarm storage kept, Round storage played) internal view returns (uint256) {
        return uint256(played.begin) + kept.answerTime + kept.critiqueTime + kept.resolveTime;
    }

    function _mustBeWithin(uint256 begin, uint256 end) internal view {
        if (block.timestamp < begin || block.timestamp >= end) revert OutOfTime(block.timestamp, begin, end);
    }

    /// The obligation in the Vault of a participant's stake.
    function _obligation(uint256 swarm) internal pure returns (bytes32) {
        return bytes32(swarm);
    }

    /// A seat becomes free; what was played on it in rounds before stays.
    function _free(Swarm storage kept, uint256 seat) internal {
        kept.taken &= ~(uint128(1) << uint128(seat));
        --kept.participants;
    }
}
