// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bounds} from "./Bounds.sol";
import {IDelegations, Scopes} from "./IDelegations.sol";
import {IDraw} from "./IDraw.sol";
import {IVerifiers} from "./IVerifiers.sol";

/// @title A draw out of secrets that verifiers committed to
/// @notice Interim, until a beacon stands behind IDraw. Time is cut into rounds of equal length. Whoever asks gets the
/// next round that begins; in its first half verifiers commit to secrets, in its second half they reveal them. The
/// randomness is a hash of all revealed secrets: one honest verifier among them makes it unknown to everyone when the
/// commitments close.
///
/// Its weakness: whoever reveals last knows the result before it and can withhold its own secret, so each verifier that
/// a party controls lets that party choose between two results. It costs the forfeiture each time, and the round goes on
/// without the secret. So the draw is as good as the forfeiture is dear against what one more try is worth.
contract CommitRevealDraw is IDraw {
    struct Round {
        bool requested;
        uint32 commits;
        uint32 reveals;
        bytes32 mix; // the revealed secrets' hashes, added bit by bit: in whatever order they come
    }

    IVerifiers public immutable verifiers;
    IDelegations public immutable delegations;
    /// @notice Who may ask: Audits.
    address public immutable asker;
    address public immutable treasury;
    /// @notice Seconds of a round.
    uint256 public immutable period;
    /// @notice What a verifier loses that commits and does not reveal.
    uint256 public immutable forfeiture;
    /// @notice When the first round began.
    uint256 public immutable start;

    mapping(uint256 round => Round) private _rounds;
    mapping(uint256 round => mapping(address account => bytes32)) public commitmentOf;

    event SecretCommitted(uint256 indexed round, address indexed account, bytes32 commitment);
    event SecretRevealed(uint256 indexed round, address indexed account, bytes32 secret);
    event SecretForfeited(uint256 indexed round, address indexed account, uint256 slashed);

    error NoAccount(address key, uint256 scope);
    error NotRequested(uint256 round);
    error OutOfTime(uint256 time, uint256 begin, uint256 end);
    error NoWeight(address account);
    error AlreadyCommitted(uint256 round, address account);
    error WrongSecret(bytes32 found, bytes32 committed);

    constructor(
        IVerifiers verifiers_,
        IDelegations delegations_,
        address asker_,
        address treasury_,
        uint256 period_,
        uint256 forfeiture_
    ) {
        Bounds.isContract("verifiers", address(verifiers_));
        Bounds.isContract("delegations", address(delegations_));
        Bounds.isSet("asker", asker_);
        Bounds.isSet("treasury", treasury_);
        Bounds.within("period", period_, 2, 1 days);
        Bounds.within("forfeiture", forfeiture_, 1, verifiers_.minimumWeight());
        // A weight that was changed after a request must not count in what is drawn from it.
        Bounds.within("delay", verifiers_.delay(), 2 * period_ + 1, type(uint256).max);
        verifiers = verifiers_;
        delegations = delegations_;
        asker = asker_;
        treasury = treasury_;
        period = period_;
        forfeiture = forfeiture_;
        start = block.timestamp;
    }

    /// @inheritdoc IDraw
    function request() external returns (uint256 round) {
        if (msg.sender != asker) revert NotAsker(msg.sender);
        round = roundAt(block.timestamp) + 1;
        Round storage asked = _rounds[round];
        if (!asked.requested) {
            asked.requested = true;
            (uint256 begin,, uint256 end) = timesOf(round);
            emit RoundRequested(round, begin, end);
        }
    }

    /// @notice Commits the sender's account to a secret. The secret must be fresh and at random.
    /// @param commitment What `seal` gives
    function commit(uint256 round, bytes32 commitment) external {
        (uint256 begin, uint256 half,) = timesOf(round);
        if (block.timestamp < begin || block.timestamp >= half) revert OutOfTime(block.timestamp, begin, half);
        Round storage played = _requested(round);
        address account = delegations.accountOf(msg.sender, Scopes.VERIFY);
        if (account == address(0)) revert NoAccount(msg.sender, Scopes.VERIFY);
        if (verifiers.weightOf(account) == 0) revert NoWeight(account);
        if (commitment == 0) revert WrongSecret(0, 0);
        if (commitmentOf[round][account] != 0) revert AlreadyCommitted(round, account);
        commitmentOf[round][account] = commitment;
        ++played.commits;
        emit SecretCommitted(round, account, commitment);
        verifiers.beginDuty(account);
    }

    /// @notice Reveals an account's secret; anyone who knows it may send it.
    function reveal(uint256 round, address account, bytes32 secret) external {
        (, uint256 half, uint256 end) = timesOf(round);
        if (block.timestamp < half || block.timestamp >= end) revert OutOfTime(block.timestamp, half, end);
        Round storage played = _requested(round);
        bytes32 committed = commitmentOf[round][account];
        bytes32 found = seal(round, account, secret);
        if (committed != found) revert WrongSecret(found, committed);
        delete commitmentOf[round][account];
        ++played.reveals;
        played.mix ^= keccak256(abi.encode(account, secret));
        emit SecretRevealed(round, account, secret);
        verifiers.endDuty(account);
    }

    /// @notice Slashes a verifier that did not reveal in time. Anyone may call it.
    function forfeit(uint256 round, address account) external {
        (,, uint256 end) = timesOf(round);
        if (block.timestamp < end) revert OutOfTime(block.timestamp, end, type(uint256).max);
        if (commitmentOf[round][account] == 0) revert WrongSecret(0, 0);
        delete commitmentOf[round][account];
        uint256 slashed = verifiers.slash(account, forfeiture, treasury);
        emit SecretForfeited(round, account, slashed);
        verifiers.endDuty(account);
    }

    /// @inheritdoc IDraw
    function randomness(uint256 round) external view returns (DrawStatus status, bytes32 random) {
        Round storage played = _rounds[round];
        if (!played.requested) return (DrawStatus.None, 0);
        (, uint256 half, uint256 end) = timesOf(round);
        // When everyone has revealed, nobody can change it any more.
        bool over = block.timestamp >= end || (block.timestamp >= half && played.commits == played.reveals);
        if (!over) return (DrawStatus.Pending, 0);
        if (played.reveals == 0) return (DrawStatus.Failed, 0);
        return (DrawStatus.Ready, keccak256(abi.encode(block.chainid, address(this), round, played.mix)));
    }

    /// @inheritdoc IDraw
    function longestTime() external view returns (uint256) {
        return 2 * period;
    }

    /// @notice What a round is now. It says nothing of rounds that nobody has asked for.
    function getRound(uint256 round) external view returns (Round memory) {
        return _rounds[round];
    }

    /// @notice The round that runs at a time, from 1.
    function roundAt(uint256 time) public view returns (uint256) {
        return (time - start) / period + 1;
    }

    /// @notice When a round begins, when its secrets begin to be revealed, and when it is over.
    function timesOf(uint256 round) public view returns (uint256 begin, uint256 half, uint256 end) {
        if (round == 0) revert NotRequested(round);
        begin = start + (round - 1) * period;
        return (begin, begin + period / 2, begin + period);
    }

    /// @notice The commitment to a secret. Nobody else's can be copied: it binds the account.
    function seal(uint256 round, address account, bytes32 secret) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), round, account, secret));
    }

    function _requested(uint256 round) private view returns (Round storage played) {
        played = _rounds[round];
        if (!played.requested) revert NotRequested(round);
    }
}
